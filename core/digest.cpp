#include "core/digest.h"

#include <openssl/evp.h>

#include "core/check.h"

namespace athanor {

std::string sha256(std::string_view bytes) {
  std::string digest(32, '\0');
  unsigned int size = 0;
  const int done = EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
                              EVP_sha256(), nullptr);
  ATHANOR_CHECK(done == 1 && size == 32, "SHA-256 is not available in this OpenSSL");
  return digest;
}

Sha256::Sha256() : method_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
  ATHANOR_CHECK(method_ != nullptr && context_ != nullptr, "SHA-256 is not available in this OpenSSL");
}

Sha256::~Sha256() {
  EVP_MD_CTX_free(context_);
  EVP_MD_free(method_);
}

std::string Sha256::of(std::string_view first, std::string_view second) {
  std::string digest(32, '\0');
  const bool done = EVP_DigestInit_ex2(context_, method_, nullptr) == 1 &&
                    EVP_DigestUpdate(context_, first.data(), first.size()) == 1 &&
                    EVP_DigestUpdate(context_, second.data(), second.size()) == 1 &&
                    EVP_DigestFinal_ex(context_, reinterpret_cast<unsigned char*>(digest.data()), nullptr) == 1;
  ATHANOR_CHECK(done, "SHA-256 failed");
  return digest;
}

RunningSha256::RunningSha256() : context_(EVP_MD_CTX_new()) {
  ATHANOR_CHECK(context_ != nullptr && EVP_DigestInit_ex2(context_.get(), EVP_sha256(), nullptr) == 1,
                "SHA-256 is not available in this OpenSSL");
}

RunningSha256::~RunningSha256() = default;
RunningSha256::RunningSha256(RunningSha256&&) noexcept = default;
RunningSha256& RunningSha256::operator=(RunningSha256&&) noexcept = default;

void RunningSha256::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

void RunningSha256::add(std::span<const std::byte> bytes) {
  ATHANOR_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "SHA-256 failed");
}

std::string RunningSha256::hex() const {
  const std::unique_ptr<evp_md_ctx_st, Free> so_far(EVP_MD_CTX_new());
  std::string digest(32, '\0');
  const bool done = so_far != nullptr && EVP_MD_CTX_copy_ex(so_far.get(), context_.get()) == 1 &&
                    EVP_DigestFinal_ex(so_far.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr) == 1;
  ATHANOR_CHECK(done, "SHA-256 failed");
  return athanor::hex(digest);
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace athanor

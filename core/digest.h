// SHA-256, for the journal's chain and for content keys.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_st;
struct evp_md_ctx_st;

namespace athanor {

/// 32 bytes.
std::string sha256(std::string_view bytes);

/// The same for many texts one after another: made ready once, some three times as fast for short ones.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  /// Of `first` and `second`, one after the other: 32 bytes.
  std::string of(std::string_view first, std::string_view second);

 private:
  evp_md_st* method_;
  evp_md_ctx_st* context_;
};

/// Of bytes that come piece by piece.
class RunningSha256 {
 public:
  RunningSha256();
  ~RunningSha256();
  RunningSha256(RunningSha256&&) noexcept;
  RunningSha256& operator=(RunningSha256&&) noexcept;
  void add(std::span<const std::byte> bytes);
  /// Of all that was added so far, in lower-case hexadecimal; more may follow.
  std::string hex() const;

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

/// Lower-case hexadecimal.
std::string hex(std::string_view bytes);

}  // namespace athanor

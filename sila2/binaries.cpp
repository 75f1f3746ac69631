// The standard's service BinaryDownload: what is too large for one message, part by part.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "sila2/base64.h"
#include "sila2/server.h"

namespace athanor::sila2 {
namespace {

namespace sila = ::sila2::org::silastandard;

constexpr double kPrompt = 5;  // seconds for a server to forget something

std::string method(const char* call) {
  return fmt::format("/sila2.org.silastandard.BinaryDownload/{}", call);
}

bool is_same(const std::string& one, const std::string& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

Server::Failure wrong(const std::string& why) {
  return {{Fault::Kind::kDevice, fmt::format("BinaryDownload: {}", why)}};
}

}  // namespace

Server::Ended Server::binary_failure(const Channel::Status& status) const {
  sila::BinaryTransferError error;
  const auto bytes = status.code == Channel::Code::kAborted ? from_base64(status.text) : std::nullopt;
  if (!bytes || !error.ParseFromString(*bytes)) return failure(status, "BinaryDownload");
  return wrong(fmt::format("{}: {}", sila::BinaryTransferError::ErrorType_Name(error.errortype()), error.message()));
}

Server::Ended Server::size_of_binary(const std::string& uuid, std::uint64_t& bytes) {
  sila::GetBinaryInfoRequest request;
  request.set_binarytransferuuid(uuid);
  const auto answers = channel_->call({{method("GetBinaryInfo"), request.SerializeAsString(), timeout_s_, {}}});
  if (auto failed = binary_failure(answers.front().status)) return failed;
  sila::GetBinaryInfoResponse response;
  if (!response.ParseFromString(answers.front().bytes)) return wrong("the answer is not what the standard defines");
  bytes = response.binarysize();
  return std::nullopt;
}

Server::Ended Server::part_of_binary(const std::string& uuid, std::uint64_t offset, std::uint32_t length,
                                     std::string& bytes) {
  sila::GetChunkRequest request;
  request.set_binarytransferuuid(uuid);
  request.set_offset(offset);
  request.set_length(length);
  sila::GetChunkResponse response;
  bool heard = false, good = false;
  const auto status =
      channel_->stream({method("GetChunk"), request.SerializeAsString(), timeout_s_, {}}, [&](const std::string& part) {
        heard = true;
        good = response.ParseFromString(part);
        return false;
      });
  if (!heard) {
    if (auto failed = binary_failure(status)) return failed;
    return wrong(
        fmt::format("the server gave nothing where it was asked for {} bytes from byte {} on", length, offset));
  }
  if (!good) return wrong("the answer is not what the standard defines");
  if (!is_same(response.binarytransferuuid(), uuid)) return wrong("the server gave a part of another binary");
  if (response.offset() != offset || response.payload().size() != length)
    return wrong(fmt::format("the server gave {} bytes from byte {} on where it was asked for {} from byte {} on",
                             response.payload().size(), response.offset(), length, offset));
  bytes = std::move(*response.mutable_payload());
  return std::nullopt;
}

void Server::forget_binary(const std::string& uuid) {
  sila::DeleteBinaryRequest request;
  request.set_binarytransferuuid(uuid);
  channel_->call({{method("DeleteBinary"), request.SerializeAsString(), kPrompt, {}}});
}

}  // namespace athanor::sila2

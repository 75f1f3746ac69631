#include "instruments/array_intake.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/canary.h"
#include "core/error.h"
#include "instruments/array_window.h"
#include "instruments/description.h"
#include "instruments/driver.h"

namespace athanor {

namespace {

constexpr std::size_t kMostStreams = 1000;  // of one driver at a time
constexpr std::uint64_t kCreditSteps = 4;   // credit is told anew when a quarter of the share is free
// So that what is left then is a chunk at least, and nobody waits for ever.
constexpr std::uint64_t kLeastShare = 2 * ArrayWindow::kChunk;

wire::DataToDriver message() {
  wire::DataToDriver fresh;
  fresh.set_version(kProtocolVersion);
  return fresh;
}

wire::DataToDriver unstored(std::uint64_t stream, const std::string& why) {
  wire::DataToDriver answer = message();
  answer.mutable_unstored()->set_stream(stream);
  answer.mutable_unstored()->set_why(why);
  return answer;
}

}  // namespace

ArrayIntake::ArrayIntake(ArrayStore& store, std::uint64_t share, Expects expects)
    : store_(store), share_(std::max(share, kLeastShare)), expects_(std::move(expects)) {}

std::vector<wire::DataToDriver> ArrayIntake::begin(const std::string& ticket) {
  wire::DataToDriver collect = message(), credit = message();
  collect.mutable_collect()->set_ticket(ticket);
  allowed_ = share_;
  credit.mutable_credit()->set_bytes(allowed_);
  return {collect, credit};
}

ArrayIntake::Said ArrayIntake::hear(const wire::DataFromDriver& message, std::span<const std::byte> bytes) {
  Said said;
  if (message.version() != kProtocolVersion) {
    said.wrong = fmt::format("a message of protocol version {}; this program speaks version {}", message.version(),
                             kProtocolVersion);
    return said;
  }
  switch (message.body_case()) {
    case wire::DataFromDriver::kOpen:
      said.wrong = open(message.open(), said);
      break;
    case wire::DataFromDriver::kChunk:
      said.wrong = take(message.chunk(), bytes, said);
      break;
    case wire::DataFromDriver::kClose:
      said.wrong = close(message.close(), said);
      break;
    case wire::DataFromDriver::kAbandon:
      if (const auto stream = streams_.extract(message.abandon().stream())) {
        numbers_.erase(stream.mapped().name);
        store_.abandon(stream.mapped().name);
      }
      break;
    case wire::DataFromDriver::kRefused:  // the link's affair, as the next one
    case wire::DataFromDriver::kHeartbeat:
    case wire::DataFromDriver::BODY_NOT_SET:  // of a newer driver
      break;
  }
  return said;
}

std::optional<wire::DataToDriver> ArrayIntake::durable(const ArrayName& name, std::uint64_t bytes) const {
  const auto found = numbers_.find(name);
  if (found == numbers_.end()) return std::nullopt;
  wire::DataToDriver answer = message();
  answer.mutable_durable()->set_stream(found->second);
  answer.mutable_durable()->set_bytes(bytes);
  return answer;
}

std::string ArrayIntake::open(const wire::Open& open, Said& said) {
  if (const auto known = streams_.find(open.stream()); known != streams_.end()) {
    if (known->second.name == ArrayName{open.instrument(), open.command(), open.result()}) return "";  // twice
    return fmt::format("array {} was opened before, as another one", open.stream());
  }
  if (!expects_(open)) return "";
  if (streams_.size() >= kMostStreams) return fmt::format("it opens more than {} arrays at once", kMostStreams);
  if (!wire::ArrayType::Element_IsValid(open.type().element())) {
    said.answers.push_back(unstored(open.stream(), "its elements are of a type that this program does not know"));
    return "";
  }
  const ArrayType type = from_wire(open.type(), open.unit());
  Stream stream{{open.instrument(), open.command(), open.result()}, element_bytes(type.element), 0, {}};
  if (numbers_.contains(stream.name)) return fmt::format("array “{}” is open already", open.result());
  try {
    stream.received = store_.begin(stream.name, type);
  } catch (const InputError& error) {
    said.answers.push_back(unstored(open.stream(), error.what()));
    return "";
  }
  numbers_[stream.name] = open.stream();
  Stream& kept = streams_.emplace(open.stream(), std::move(stream)).first->second;
  if (kept.received > 0) said.answers.push_back(*durable(kept.name, kept.received));
  ask_to_resume(open.stream(), kept, said);
  return "";
}

std::string ArrayIntake::take(const wire::Chunk& chunk, std::span<const std::byte> bytes, Said& said) {
  if (bytes.empty() || bytes.size() > ArrayWindow::kChunk)
    return fmt::format("a chunk of {} bytes; expected 1 to {}", bytes.size(), ArrayWindow::kChunk);
  release(bytes.size(), said);
  const auto found = streams_.find(chunk.stream());
  if (found == streams_.end()) return "";  // it was abandoned here meanwhile
  Stream& stream = found->second;
  if (bytes.size() % stream.element != 0 || chunk.offset() % stream.element != 0)
    return fmt::format("a chunk of {} bytes at byte {}, which is not whole elements of {}", bytes.size(),
                       chunk.offset(), stream.element);
  if (chunk.offset() > stream.received) {
    ask_to_resume(chunk.stream(), stream, said);
    return "";
  }
  if (chunk.offset() + bytes.size() <= stream.received) return "";  // known
  try {
    store_.append(stream.name, chunk.offset(), bytes);
    stream.received = chunk.offset() + bytes.size();
    stream.resume.reset();
  } catch (const InputError& error) {
    said.answers.push_back(unstored(chunk.stream(), error.what()));
    numbers_.erase(stream.name);
    streams_.erase(found);
  }
  return "";
}

std::string ArrayIntake::close(const wire::Close& close, Said& said) {
  const auto found = streams_.find(close.stream());
  if (found == streams_.end()) return "";
  Stream& stream = found->second;
  if (close.bytes() > stream.received) {
    ask_to_resume(close.stream(), stream, said);
    return "";
  }
  try {
    if (close.bytes() < stream.received)
      throw InputError(
          fmt::format("it ends after {} bytes, and {} were stored before", close.bytes(), stream.received));
    if (!ATHANOR_CANARY("say stored before it is")) store_.finish(stream.name, close.sha256());
    wire::DataToDriver answer = message();
    answer.mutable_stored()->set_stream(close.stream());
    said.answers.push_back(std::move(answer));
  } catch (const InputError& error) {
    store_.abandon(stream.name);
    said.answers.push_back(unstored(close.stream(), error.what()));
  }
  numbers_.erase(stream.name);
  streams_.erase(found);
  return "";
}

/// Once for each gap: what is on its way already does not ask for more.
void ArrayIntake::ask_to_resume(std::uint64_t number, Stream& stream, Said& said) {
  if (stream.resume == stream.received) return;
  stream.resume = stream.received;
  wire::DataToDriver answer = message();
  answer.mutable_resume()->set_stream(number);
  answer.mutable_resume()->set_offset(stream.received);
  said.answers.push_back(std::move(answer));
}

void ArrayIntake::release(std::size_t bytes, Said& said) {
  taken_ += bytes;
  if (taken_ + share_ - allowed_ < share_ / kCreditSteps) return;
  allowed_ = taken_ + share_;
  wire::DataToDriver answer = message();
  answer.mutable_credit()->set_bytes(allowed_);
  said.answers.push_back(std::move(answer));
}

}  // namespace athanor

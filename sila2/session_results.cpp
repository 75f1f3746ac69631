// What a server gave, and what of it has to be fetched: how results leave a session.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sila2/session.h"
#include "sila2/silence.h"

namespace athanor::sila2 {
namespace {

constexpr std::uint64_t kLargest = std::uint64_t{4} << 30;  // bytes of one Binary

}  // namespace

Outcome<Session::Values> Session::results_of(const Offer& offer, const Message& answer, const Conduct& conduct) {
  const Outcome<Results> results = results_in(answer, offer.results);
  if (!results) return results.fault();
  if (!conduct.rows) return results.value().values;
  for (const Results::Array& array : results.value().arrays) {
    const auto fault = array.transfer.empty() ? hand_on(array, conduct) : fetch(array, conduct);
    if (fault) return *fault;
  }
  return results.value().values;
}

std::optional<Fault> Session::hand_on(const Results::Array& array, const Conduct& conduct) {
  for (std::size_t from = 0; from < array.rows.size(); from += kMostRows) {
    const std::size_t bytes = std::min(kMostRows, array.rows.size() - from);
    if (!conduct.rows(array.result, array.rows.part(from, bytes))) return broken_off();
  }
  return std::nullopt;
}

std::optional<Fault> Session::fetch(const Results::Array& array, const Conduct& conduct) {
  fetched_.push_back(array.transfer);
  std::uint64_t size = 0;
  if (const auto fault = patiently(conduct, [&] { return server_->size_of_binary(array.transfer, size); }))
    return *fault;
  if (size > kLargest)
    return Fault{Fault::Kind::kDevice, fmt::format("the server has {} bytes as “{}”; {} are the most that is fetched",
                                                   size, array.result, kLargest)};
  for (std::uint64_t from = 0; from < size; from += kMostRows) {
    const auto length = static_cast<std::uint32_t>(std::min<std::uint64_t>(kMostRows, size - from));
    std::string bytes;
    const auto ask = [&] { return server_->part_of_binary(array.transfer, from, length, bytes); };
    if (const auto fault = patiently(conduct, ask)) return *fault;
    if (!conduct.rows(array.result, SharedBytes::of(std::vector<char>(bytes.begin(), bytes.end()))))
      return broken_off();
  }
  return std::nullopt;
}

/// What may be asked again, until it is answered.
std::optional<Fault> Session::patiently(const Conduct& conduct, const std::function<Server::Ended()>& ask) {
  Silence silence;
  for (;;) {
    const auto failed = ask();
    if (!failed) return std::nullopt;
    if (!failed->link || silence.is_too_long()) return failed->fault;
    if (!conduct.wait(kAgain)) return broken_off();
  }
}

/// Not before the next command: until its outcome is known, the driver may have to fetch them again after its death.
void Session::forget_fetched() {
  for (const std::string& transfer : fetched_) server_->forget_binary(transfer);
  fetched_.clear();
}

}  // namespace athanor::sila2

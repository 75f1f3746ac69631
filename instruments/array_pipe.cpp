#include "instruments/array_pipe.h"

#include "core/check.h"

namespace athanor {

namespace {

// Nothing is on its way when nobody sends before the other has taken: so much is only how often credit is said.
constexpr std::uint64_t kShare = std::uint64_t{32} << 20;

}  // namespace

ArrayPipe::ArrayPipe(ArrayWindow& window, ArrayStore& store)
    : window_(window), store_(store), intake_(store, kShare, [](const wire::Open&) { return true; }) {
  window_.collect();
  // The ticket is for the socket; what follows it is for the window.
  for (const wire::DataToDriver& message : intake_.begin("")) {
    if (!message.has_collect()) window_.hear(message);
  }
}

void ArrayPipe::pump() {
  hand_over();
  // What is left is of arrays that still grow. The rest was made durable by their end, one commit for each.
  if (window_.held() == 0) return;
  for (const auto& [name, bytes] : store_.commit()) {
    if (const auto answer = intake_.durable(name, bytes)) window_.hear(*answer);
  }
}

void ArrayPipe::hand_over() {
  while (const auto parcel = window_.next()) {
    const ArrayIntake::Said said = intake_.hear(parcel->header, parcel->bytes.bytes());
    ATHANOR_CHECK(said.wrong.empty(), said.wrong);
    for (const wire::DataToDriver& answer : said.answers) window_.hear(answer);
  }
}

}  // namespace athanor

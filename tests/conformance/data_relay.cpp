#include "tests/conformance/data_relay.h"

#include <utility>
#include <vector>

#include "proto/driver.pb.h"

namespace athanor {

DataRelay::DataRelay(const std::string& address, std::string inner, bool one_collect)
    : inner_(std::move(inner)), one_collect_(one_collect) {
  router_.bind(address);
}

ZmqSocket& DataRelay::way_of(const std::string& client) {
  std::unique_ptr<ZmqSocket>& way = ways_[client];
  if (!way) {
    way = std::make_unique<ZmqSocket>(context_, ZmqSocket::Kind::kDealer);
    way->connect(inner_);
  }
  return *way;
}

void DataRelay::serve(int stop_fd) {
  for (;;) {
    std::vector<ZmqWait> waits = {{nullptr, stop_fd, false, false}, {&router_, -1, false, false}};
    for (auto& [client, way] : ways_) waits.push_back({way.get(), -1, false, false});
    wait_for_any(waits, 0.25);
    if (waits.front().ready) return;
    while (auto frames = router_.receive()) {
      const std::string client = frames->front();
      driver::v1::DataToDriver message;
      if (frames->size() == 2 && message.ParseFromString(frames->back()) && message.has_collect() && collects_++ > 0 &&
          one_collect_)
        continue;
      frames->erase(frames->begin());
      ZmqSocket& way = way_of(client);
      while (!way.send(*frames)) {
        ZmqWait connected[] = {{&way, -1, true, false}};
        wait_for_any(connected, 1);
      }
    }
    std::vector<std::string> gone;
    for (auto& [client, way] : ways_) {
      while (auto frames = way->receive()) {
        frames->insert(frames->begin(), client);
        if (router_.send(*frames)) continue;
        gone.push_back(client);
        break;
      }
    }
    for (const std::string& client : gone) ways_.erase(client);
  }
}

}  // namespace athanor

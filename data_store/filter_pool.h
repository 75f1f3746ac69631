// Threads that apply the filters to chunks.
#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

#include "data_store/filters.h"

namespace athanor {

class FilterPool {
 public:
  explicit FilterPool(unsigned threads);
  /// What nobody began with is left undone.
  ~FilterPool();

  std::future<FilteredChunk> submit(std::vector<std::byte> chunk, std::size_t element_bytes);

 private:
  using Task = std::packaged_task<FilteredChunk(Filters&)>;
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  bool stop_ = false;
  std::latch begun_;
  std::vector<std::jthread> threads_;  // last: they end before the rest goes
};

}  // namespace athanor

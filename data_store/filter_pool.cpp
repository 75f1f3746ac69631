#include "data_store/filter_pool.h"

#include "core/give_way.h"

namespace athanor {

FilterPool::FilterPool(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

FilterPool::~FilterPool() {
  const std::lock_guard lock(mutex_);
  stop_ = true;
  changed_.notify_all();
}

std::future<FilteredChunk> FilterPool::submit(std::vector<std::byte> chunk, std::size_t element_bytes) {
  Task task(
      [chunk = std::move(chunk), element_bytes](Filters& filters) { return filters.apply(chunk, element_bytes); });
  std::future<FilteredChunk> result = task.get_future();
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  changed_.notify_one();
  return result;
}

void FilterPool::work() {
  give_way();  // commands come first
  Filters filters;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || !tasks_.empty(); });
    if (stop_) return;
    {
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task(filters);
    }  // with its chunk, before the lock is taken again
    lock.lock();
  }
}

}  // namespace athanor

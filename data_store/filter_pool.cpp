#include "data_store/filter_pool.h"

#include "core/give_way.h"
#include "data_store/shelter.h"

namespace athanor {

FilterPool::FilterPool(unsigned threads) : begun_(threads) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  begun_.wait();  // a thread that is just beginning holds locks as well, see no_new_process()
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
  begun_.count_down();
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || !tasks_.empty(); });
    if (stop_) return;
    {
      const auto busy = no_new_process();
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task(filters);
    }  // with its chunk, before the lock is taken again
    lock.lock();
  }
}

}  // namespace athanor

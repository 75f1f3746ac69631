#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "controller/runtime.h"

namespace athanor {
namespace {

PlannerSaid answer(const Problem& problem, const AskPlanner& question) {
  PlannerSaid said;
  said.ask = question.ask;
  try {
    said.plan = plan(problem, question.question);
  } catch (const std::exception& error) {
    said.fault = error.what();
  }
  return said;
}

class InlinePlanner final : public PlannerLink {
 public:
  InlinePlanner(const Problem& problem, const Wake& wake) : problem_(problem), wake_(wake) {}

  void ask(AskPlanner question) override {
    waiting_.push_back(std::move(question));
    wake_.notify();  // no laboratory time passes before the answer is taken
  }

  std::vector<PlannerSaid> take() override {
    std::vector<PlannerSaid> answers;
    for (const AskPlanner& question : waiting_) answers.push_back(answer(problem_, question));
    waiting_.clear();
    return answers;
  }

 private:
  const Problem& problem_;
  const Wake& wake_;
  std::vector<AskPlanner> waiting_;
};

class PlannerThread final : public PlannerLink {
 public:
  PlannerThread(const Problem& problem, const Wake& wake)
      : problem_(problem), wake_(wake), thread_([this] { serve(); }) {}

  ~PlannerThread() override {
    {
      const std::lock_guard lock(mutex_);
      leaving_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  void ask(AskPlanner question) override {
    {
      const std::lock_guard lock(mutex_);
      questions_.push_back(std::move(question));
    }
    changed_.notify_one();
  }

  std::vector<PlannerSaid> take() override {
    const std::lock_guard lock(mutex_);
    return std::exchange(answers_, {});
  }

 private:
  void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return leaving_ || !questions_.empty(); });
      if (leaving_) return;
      const AskPlanner question = std::move(questions_.front());
      questions_.pop_front();
      lock.unlock();
      PlannerSaid said = answer(problem_, question);
      lock.lock();
      answers_.push_back(std::move(said));
      wake_.notify();
    }
  }

  const Problem& problem_;
  const Wake& wake_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<AskPlanner> questions_;
  std::vector<PlannerSaid> answers_;
  bool leaving_ = false;
  std::thread thread_;  // last: it starts when everything else is there
};

}  // namespace

std::unique_ptr<PlannerLink> make_inline_planner(const Problem& problem, const Wake& wake) {
  return std::make_unique<InlinePlanner>(problem, wake);
}

std::unique_ptr<PlannerLink> make_planner_thread(const Problem& problem, const Wake& wake) {
  return std::make_unique<PlannerThread>(problem, wake);
}

}  // namespace athanor

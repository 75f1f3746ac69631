#include "core/signals.h"

#include <signal.h>

namespace athanor {
namespace {

// A signal handler can reach nothing but globals.
std::atomic<int> stops{0};
std::atomic<const Wake*> target{nullptr};

void on_signal(int) {
  stops.fetch_add(1);
  if (const Wake* wake = target.load()) wake->notify();
}

void install(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // Whoever started us under nohup wants hang-ups ignored.
  struct sigaction before {};
  sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  target.store(&wake_);
  install(on_signal);
}

StopSignals::~StopSignals() {
  install(SIG_DFL);
  target.store(nullptr);
}

const std::atomic<int>& StopSignals::count() const {
  return stops;
}

}  // namespace athanor

// Goal: who orders something of a running campaign and leaves costs it nothing from then on. Method: a control socket
// that many ask and leave; then the processor time that passes while nobody asks.
#include "controller/control_socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "core/wake.h"
#include "tests/core/scratch.h"

using namespace athanor;

TEST_CASE("a control socket waits without work after those who asked have left") {
  const Scratch scratch;
  Wake wake;
  const std::string address = control_address(scratch.file("journal"));
  const auto control = make_control_socket(address, wake);
  for (int i = 0; i < 5; ++i) {
    std::atomic<bool> answered = false;
    std::thread person([&] {
      control::v1::Request request;
      request.mutable_status();
      CHECK(ask_controller(address, request, 20).text() == fmt::format("answer {}", i));
      answered = true;
    });
    while (!answered) {
      pollfd asked{wake.fd(), POLLIN, 0};
      poll(&asked, 1, 10);
      wake.clear();
      for (const RequestMade& made : control->take()) {
        AnswerRequest answer{made.id, {}};
        answer.reply.set_text(fmt::format("answer {}", i));
        control->answer(answer);
      }
    }
    person.join();
  }
  const auto processor = [] {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           1e-6 * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  };
  const double before = processor();
  poll(nullptr, 0, 500);
  CHECK(processor() - before < 0.1);
}

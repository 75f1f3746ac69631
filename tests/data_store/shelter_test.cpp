// Goal: what HDF5 does not survive is a finding about the thing that was looked at, and about no other. Method: looks
// that end as HDF5 ends, among others that do not.
#include "data_store/shelter.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <future>
#include <vector>

#include "core/error.h"
#include "data_store/filter_pool.h"

using namespace athanor;

namespace {

std::string thing(std::size_t number) {
  return fmt::format("thing {}", number);
}

}  // namespace

TEST_CASE("a look that kills is a finding, and the others are done", "[shelter]") {
  const std::vector<Finding> findings = sheltered(9, thing, [](std::size_t number, const auto& goes_on) -> Finding {
    goes_on();
    if (number == 0) ::raise(SIGSEGV);
    if (number == 3) throw EnvironmentError("no file");
    if (number == 4) std::abort();
    if (number == 5) return "it is another one";
    if (number == 6) return "";
    if (number == 8) ::raise(SIGXCPU);  // as after 30 s on the processor
    return std::nullopt;
  });
  const std::vector<Finding> expected = {"thing 0: HDF5 dies of it",
                                         std::nullopt,
                                         std::nullopt,
                                         "no file",
                                         "thing 4: HDF5 dies of it",
                                         "it is another one",
                                         "",
                                         std::nullopt,
                                         "thing 8: HDF5 comes to no end with it"};
  CHECK(findings == expected);
  CHECK(::waitpid(-1, nullptr, 0) == -1);  // no process is left behind
  CHECK(errno == ECHILD);
}

TEST_CASE("findings longer than a pipe holds are whole", "[shelter]") {
  const std::string text(300'000, 'x');
  const auto findings = sheltered(3, thing, [&](std::size_t, const auto&) -> Finding { return text; });
  CHECK(findings == std::vector<Finding>(3, text));
}

TEST_CASE("nothing to look at needs no process", "[shelter]") {
  CHECK(sheltered(0, thing, [](std::size_t, const auto&) -> Finding { std::abort(); }).empty());
}

TEST_CASE("a look comes to its end while chunks are filtered", "[shelter]") {
  const Look allocates = [](std::size_t number, const auto&) -> Finding {
    std::vector<std::vector<char>> blocks;
    for (std::size_t size = 1; size < 1 << 20; size *= 2) blocks.emplace_back(size + number);
    return std::nullopt;
  };
  std::deque<std::future<FilteredChunk>> chunks;
  for (int i = 0; i < 40; ++i) {
    FilterPool pool(2);  // its threads begin again and again, too
    for (std::size_t k = 0; k < 16; ++k) chunks.push_back(pool.submit(std::vector<std::byte>(8 << (k % 16)), 8));
    CHECK(sheltered(1, thing, allocates) == std::vector<Finding>(1));
    CHECK(sheltered(1, thing, allocates) == std::vector<Finding>(1));
  }
}

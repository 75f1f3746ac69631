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

#include "core/error.h"

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

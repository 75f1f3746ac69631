// Goal: no file that anybody wrote to passes for one that was looked at. Method: whatever may be done to a file.
#include "data_store/looked.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/core/scratch.h"

using namespace athanor;

namespace {

void write(const std::string& file, const std::string& content) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
}

/// The kernel's clock for files ticks every few milliseconds: waits until it has.
void next_tick(const Scratch& scratch) {
  const auto now = [&] {
    write(scratch.file("tick"), "");
    struct stat status {};
    REQUIRE(::stat(scratch.file("tick").c_str(), &status) == 0);
    return std::pair(status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
  };
  for (const auto then = now(); now() == then;) continue;
}

}  // namespace

TEST_CASE("a stamp is another one after any change, and none while the file is not at rest", "[looked]") {
  const Scratch scratch;
  const std::string file = scratch.file("day.h5");
  CHECK(stamp_of(file) == std::nullopt);
  write(file, "rows");
  const auto first = stamp_of(file);
  REQUIRE(first.has_value());
  CHECK(stamp_of(file) == first);
  const auto written = std::filesystem::last_write_time(file);

  next_tick(scratch);
  write(file, "Rows");  // as long, and said to be as old
  std::filesystem::last_write_time(file, written);
  const auto second = stamp_of(file);
  CHECK(second != first);

  write(scratch.file("other"), "Rows");
  std::filesystem::rename(scratch.file("other"), file);
  CHECK(stamp_of(file) != second);

  write(file + "-log", "");
  CHECK(stamp_of(file) == std::nullopt);
}

TEST_CASE("what was looked at is kept, and what is damaged was not", "[looked]") {
  const Scratch scratch;
  CHECK(read_looked(scratch.folder()).empty());
  const Looked looked = {{"a b.h5", "1 2 3"}, {"c.h5", ""}};
  write_looked(scratch.folder(), looked);
  CHECK(read_looked(scratch.folder()) == looked);
  write(scratch.file("looked"), "a text\nday.h5\t1");
  CHECK(read_looked(scratch.folder()).empty());
  write(scratch.file("looked"), std::string(1000, '\0'));
  CHECK(read_looked(scratch.folder()).empty());
}

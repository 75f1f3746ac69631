#include "data_store/looked.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>

#include "core/error.h"
#include "core/file.h"

namespace athanor {
namespace {

constexpr const char* kFormat = "athanor looked 1";
constexpr char kBetween = '\t';

}  // namespace

std::optional<std::string> stamp_of(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat((path.string() + "-log").c_str(), &status) == 0 || ::stat(path.c_str(), &status) != 0) return std::nullopt;
  // The time of the last change is the kernel's own, and cannot be set back as that of the last write can.
  return fmt::format("{} {} {} {}.{:09}", status.st_dev, status.st_ino, status.st_size, status.st_ctim.tv_sec,
                     status.st_ctim.tv_nsec);
}

Looked read_looked(const std::filesystem::path& folder) {
  Looked looked;
  std::ifstream in(folder / "looked");
  std::string line;
  if (!std::getline(in, line) || line != kFormat) return looked;
  while (std::getline(in, line)) {
    const std::size_t between = line.find(kBetween);
    if (between != line.npos) looked[line.substr(0, between)] = line.substr(between + 1);
  }
  return looked;
}

void write_looked(const std::filesystem::path& folder, const Looked& looked) {
  const std::string to = (folder / "looked").string(), unfinished = to + "-new";
  std::ofstream out(unfinished, std::ios::trunc);
  out << kFormat << '\n';
  for (const auto& [file, what] : looked) out << file << kBetween << what << '\n';
  out.close();
  if (!out) throw EnvironmentError(fmt::format("{} cannot be written", unfinished));
  put_in_place(unfinished, to);
}

}  // namespace athanor

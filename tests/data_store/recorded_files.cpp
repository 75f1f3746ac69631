#include "recorded_files.h"

#include <fstream>
#include <map>
#include <utility>

#include "core/file.h"

namespace athanor::power {
namespace {

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

class RecordedFiles::Recorded final : public File {
 public:
  Recorded(RecordedFiles& all, const std::string& path)
      : all_(all), name_(std::filesystem::path(path).filename()), file_(open_file(path)) {
    std::string content = read_text_file(path);
    if (content == all_.now_[name_]) {
      all_.record({Operation::kOpen, name_});
    } else {
      all_.record({Operation::kOpen, name_, std::move(content)});
    }
  }
  std::uint64_t size() override { return file_->size(); }
  void read(std::uint64_t at, std::span<std::byte> out) override { file_->read(at, out); }
  void write(std::uint64_t at, std::span<const std::byte> bytes) override {
    file_->write(at, bytes);
    all_.record({Operation::kChange, name_, {}, {false, at, text_of(bytes)}});
  }
  void resize(std::uint64_t size) override {
    file_->resize(size);
    all_.record({Operation::kChange, name_, {}, {true, size, ""}});
  }
  void sync() override {
    // Whether the disk would have it is what the record is for; this one need not be asked.
    all_.record({Operation::kSync, name_});
  }

 private:
  RecordedFiles& all_;
  std::string name_;
  std::unique_ptr<File> file_;
};

void RecordedFiles::record(Operation operation) {
  if (operation.kind == Operation::kChange) make_change(now_[operation.file], operation.change);
  if (operation.content) now_[operation.file] = *operation.content;
  operations_.push_back(std::move(operation));
}

std::unique_ptr<File> RecordedFiles::open(const std::string& path) {
  return std::make_unique<Recorded>(*this, path);
}

void RecordedFiles::lay_out(const std::filesystem::path& folder, const std::filesystem::path& before,
                            std::size_t operations, Tearing tearing, std::uint64_t seed) const {
  std::map<std::string, Inode> inodes;
  for (std::size_t i = 0; i < operations; ++i) {
    const Operation& operation = operations_[i];
    Inode& inode = inodes[operation.file];
    switch (operation.kind) {
      case Operation::kOpen:
        // A file that was open before is what the record says it is; another one is as it was given its name.
        if (operation.content) inode = {*operation.content, *operation.content};
        break;
      case Operation::kChange:
        inode.change(operation.change);
        break;
      case Operation::kSync:
        inode.sync();
        break;
    }
  }
  std::filesystem::remove_all(folder);
  if (std::filesystem::exists(before)) std::filesystem::copy(before, folder);
  std::filesystem::create_directories(folder);
  RandomStream chance(seed, "what a power cut leaves", operations);
  for (const auto& [name, inode] : inodes) {
    std::ofstream(folder / name, std::ios::binary) << inode.left(tearing, chance);
  }
}

}  // namespace athanor::power

// The device's end of a serial line: a pseudo-terminal, with a link to its other end at a place that keeps its name.
#pragma once

#include <string>
#include <vector>

namespace athanor {

/// The link goes when this does.
class SerialEnd {
 public:
  /// path   where the link is.
  /// links  those of the whole laboratory. The system gives the number of a pseudo-terminal again: a link among them
  ///        that a killed twin left behind may lead to ours, and would make it another device.
  SerialEnd(std::string path, std::vector<std::string> links) : path_(std::move(path)), links_(std::move(links)) {}
  ~SerialEnd();
  SerialEnd(const SerialEnd&) = delete;
  SerialEnd& operator=(const SerialEnd&) = delete;

  /// A fresh line, to which the link leads from now on; to be closed by the caller, before he opens the next. As long
  /// as nobody has its other end open, reading fails with EIO.
  ///
  /// throws EnvironmentError if something is at the path that no killed twin has left there: a file, a link to
  /// something else, or that of a twin which lives; or if the system gives no line.
  int open();
  /// Whether somebody has the other end open.
  bool is_in_use() const;

 private:
  void require_free() const;

  const std::string path_;
  const std::vector<std::string> links_;
  std::string other_end_;
  int line_ = -1;
};

}  // namespace athanor

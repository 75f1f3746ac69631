// The two kinds of exception: input that a person can mend, and surroundings (disk, port, file) that failed.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace athanor {

/// Where in a file something stands; line and column count from 1, 0 means the whole file.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
};

/// "file:line:column", without what is unknown.
std::string to_string(const Place& place);

struct Mistake {
  Place place;
  std::string message;  ///< what was found, what was expected, the way out
};

/// Bad input. Carries every mistake that was found, not only the first; exit status 2.
class InputError : public std::runtime_error {
 public:
  explicit InputError(const std::string& message);
  InputError(const Place& place, const std::string& message);
  /// `mistakes` must not be empty.
  explicit InputError(std::vector<Mistake> mistakes);

  const std::vector<Mistake>& mistakes() const { return mistakes_; }

 private:
  std::vector<Mistake> mistakes_;
};

/// The surroundings failed us: a full disk, a port in use, a file that cannot be written; exit status 3.
class EnvironmentError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace athanor

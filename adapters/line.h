// A line of text to a device, over TCP or a serial port, with a time for everything.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "adapters/shared_line.h"
#include "adapters/wiring.h"
#include "core/outcome.h"

namespace athanor {

struct LineSettings {
  std::string ends = "\n";         ///< of what is sent
  std::string answer_ends = "\n";  ///< of what comes back
  std::string answer_starts;       ///< with what it begins; taken off in front
  double timeout_s = 1;            ///< to connect, and to hand over what is sent
  SerialSettings serial;
};

/// After a fault it is closed.
class Line final : public SharedLine {
 public:
  Line(const std::string& address, const SerialSettings& serial);
  ~Line() override;

  // By whoever's turn it is:
  /// What is said and heard from now on; `settings` must outlive that.
  void speak_by(const LineSettings& settings);
  /// `text` and its end; what came unasked before is not the answer.
  std::optional<Fault> write(const std::string& text);
  /// Up to the end of an answer, without start and end. asked: for messages.
  Outcome<std::string> read(const std::string& asked, double timeout_s);

 private:
  bool is_open() const override;
  bool is_gone() const override;
  /// A serial port keeps what nobody read: that is let go by until the line is quiet. Where the last answer did not
  /// come in time and may still come, until it has been quiet for as long as an answer may take.
  std::optional<Fault> open(bool greeted, bool shared) override;
  void break_off() override;
  void go_on() override;

  class Port;
  std::unique_ptr<Port> port_;
};

}  // namespace athanor

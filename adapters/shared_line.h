// A line to which several devices may listen, such as an RS-485 bus or a port of a serial server: whoever speaks to one
// of them takes his turn, and what one of them does to the line harms no other.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "adapters/bus.h"
#include "adapters/wiring.h"
#include "core/outcome.h"
#include "instruments/address.h"

namespace athanor {

class Speaker;

class SharedLine {
 public:
  /// address  tcp_address or serial_address.
  SharedLine(std::string address, const SerialSettings& serial) : address_(std::move(address)), serial_(serial) {}
  virtual ~SharedLine() = default;
  const std::string& address() const { return address_; }
  const SerialSettings& serial() const { return serial_; }
  /// The whole address of the device whose turn it is: of several at a line, messages are to name the one.
  const std::string& device() const { return device_; }

 protected:
  friend class Speaker;
  // All of these by whoever's turn it is, but for `break_off`.
  virtual bool is_open() const = 0;
  /// Whether the other end has closed a connection over TCP.
  virtual bool is_gone() const = 0;
  /// Anew, if it was open. greeted: what is said first shows whether an answer is the right one, so that nobody need
  /// wait for one that comes late; but for other devices at a line that is `shared`.
  virtual std::optional<Fault> open(bool greeted, bool shared) = 0;
  /// From any thread: whoever's turn it is comes back at once as kInterrupted, where he can, until `go_on`.
  virtual void break_off() = 0;
  virtual void go_on() = 0;

 private:
  const std::string address_;
  const SerialSettings serial_;
  std::string device_ = address_;
  int opened_ = 0;    ///< how often
  std::mutex mutex_;  // for all that follows
  std::condition_variable changed_;
  std::deque<const Speaker*> queue_;  ///< the first one's turn it is
  int speakers_ = 0;
};

/// Speaks to one device at a line. Belongs to one thread, but for `interrupt` and `resume`.
class Speaker {
 public:
  /// device  its whole address.
  Speaker(std::shared_ptr<SharedLine> line, std::string device);
  ~Speaker();
  Speaker(const Speaker&) = delete;
  Speaker& operator=(const Speaker&) = delete;

  /// Waits until it is ours, for as long as this lives; false if that was interrupted.
  class Turn {
   public:
    explicit Turn(Speaker& speaker);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    explicit operator bool() const { return taken_; }

   private:
    Speaker& speaker_;
    bool taken_;
  };

  // In a turn.
  /// Anew, unless somebody else has opened the line since we did.
  std::optional<Fault> connect(bool greeted);
  /// Opens a line that another device's silence has closed.
  std::optional<Fault> be_connected();
  bool is_gone() const { return line_->is_gone(); }

  void interrupt();
  void resume();

 private:
  std::optional<Fault> open(bool greeted);

  std::shared_ptr<SharedLine> line_;
  const std::string device_;
  int opened_ = 0;  ///< which opening of the line we know
  bool interrupted_ = false;
};

/// A bus to one device at such a line.
class SharedBus : public Bus {
 public:
  SharedBus(std::shared_ptr<SharedLine> line, std::string device) : speaker_(std::move(line), std::move(device)) {}
  std::optional<Fault> connect(bool greeted) final;
  bool is_gone() final;
  void interrupt() final { speaker_.interrupt(); }
  void resume() final { speaker_.resume(); }

 protected:
  struct Turn : Speaker::Turn {
    explicit Turn(SharedBus& bus) : Speaker::Turn(bus.speaker_) {
      if (*this) bus.take_line();
    }
  };
  std::optional<Fault> be_connected() { return speaker_.be_connected(); }

 private:
  /// It is our turn: the line is to speak to our device now, in its manner.
  virtual void take_line() = 0;

  Speaker speaker_;
};

/// The lines of one driver, by where they lead.
class Lines {
 public:
  /// The line to a device, as all others at it have it. A connection to an address that names no device on a line is
  /// the device's own: where it breaks in the middle of a command, just that device may have been switched off. throws
  /// InputError if another device at the line speaks another language, or has set the serial port otherwise.
  template <class Kind>
  std::shared_ptr<Kind> line(const DeviceAddress& to, const SerialSettings& serial) {
    if (!to.device && !serial_address(to.line)) return std::make_shared<Kind>(to.line, serial);
    // As it is written, first: a link may come, or lead elsewhere, between two devices at it.
    std::shared_ptr<SharedLine>& line = lines_[to.line];
    if (!line) {
      std::shared_ptr<SharedLine>& same = lines_[normal_address(to.line)];
      if (!same) same = std::make_shared<Kind>(to.line, serial);
      line = same;
    }
    require_same(*line, serial, std::dynamic_pointer_cast<Kind>(line) != nullptr);
    return std::static_pointer_cast<Kind>(line);
  }

 private:
  static void require_same(const SharedLine& line, const SerialSettings& serial, bool same_kind);

  std::map<std::string, std::shared_ptr<SharedLine>> lines_;
};

}  // namespace athanor

// What is said to a SiLA 2 server to carry out commands, step by step. Blocks; behind the contract that never does
// stands sila2/device.h.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/outcome.h"
#include "instruments/instrument.h"
#include "sila2/executions.h"
#include "sila2/offers.h"
#include "sila2/profile.h"
#include "sila2/results.h"
#include "sila2/server.h"

namespace athanor::sila2 {

class Session {
 public:
  using Values = std::vector<wire::Value>;
  struct Conduct {
    /// Waits so many seconds; false if what is waited for is to be broken off.
    std::function<bool(double s)> wait;
    std::function<void(double fraction, const std::string& note)> progress = [](double, const std::string&) {};
    /// Takes rows of the array `result`, kMostRows bytes at most, as soon as there is room; false if what is carried
    /// out is to be broken off. Left out: nobody wants arrays.
    std::function<bool(const std::string& result, const SharedBytes& rows)> rows = {};
  };
  static constexpr std::size_t kMostRows = std::size_t{1} << 20;

  /// Asks the server what it offers. `executions` and `profile` must outlive it. throws EnvironmentError if it does not
  /// answer, InputError for what it defines wrongly and for what the profile has that it does not offer.
  Session(std::unique_ptr<Server> server, const Profile& profile, const std::string& id, Executions& executions);

  const wire::Instrument& description() const { return description_; }
  /// What a person should know before it is used: what is not offered and why.
  const std::vector<std::string>& notes() const { return notes_; }

  // From any thread.
  /// A value that the limits allow and the data type does not.
  std::optional<Fault> why_not(const wire::Command& command) const;
  Instrument::Memory::Kind recall(const wire::Command& command) const;
  Outcome<Values> readings();
  void interrupt() { server_->interrupt(); }
  void resume() { server_->resume(); }

  // From one thread.
  /// Sends it once, or, where it was sent before the driver's death (`recalled`), waits for its end only. `acted`
  /// becomes true when the server may have begun something.
  Outcome<Values> carry_out(const wire::Command& command, bool recalled, const Conduct& conduct, bool& acted);
  /// Ends what `carry_out` was broken off in, by the standard's CancelController, and waits until it has ended.
  std::optional<Fault> cancel(const Conduct& conduct);
  /// The profile's way to the safe state; and nothing goes on that was begun here.
  std::optional<Fault> reach_safe(const Conduct& conduct);

 private:
  using Message = google::protobuf::Message;
  struct Running {
    const Known* known = nullptr;
    std::string command, uuid;
  };

  const Offer& offer_of(const wire::Command& command) const;
  std::optional<Fault> fill(const Offer& offer, const wire::Command& command, std::unique_ptr<Message>& request) const;
  // Results (session_results.cpp): their arrays are handed on before they are given.
  Outcome<Values> results_of(const Offer& offer, const Message& answer, const Conduct& conduct);
  std::optional<Fault> hand_on(const Results::Array& array, const Conduct& conduct);
  std::optional<Fault> fetch(const Results::Array& array, const Conduct& conduct);
  std::optional<Fault> patiently(const Conduct& conduct, const std::function<Server::Ended()>& ask);
  void forget_fetched();
  Outcome<Values> begin(const Offer& offer, const wire::Command& command, const Conduct& conduct, bool& acted,
                        std::optional<Running>& running);
  Outcome<Values> await(const Offer& offer, std::optional<Running>& running, const Conduct& conduct);
  Outcome<Values> result(const Offer& offer, std::optional<Running>& running, const Conduct& conduct);
  Server::Ended ask(const Known& known, const std::string& call, bool observable, Message& answer);
  bool ask_to_end();
  std::optional<Fault> await_end(const Conduct& conduct, double within_s);

  std::unique_ptr<Server> server_;
  Executions& executions_;
  double timeout_s_;
  std::vector<Known> features_;
  Offers offers_;
  std::vector<wire::Command> safe_;
  wire::Instrument description_;
  std::vector<std::string> notes_;
  std::optional<Running> running_;    ///< begun and not known to have ended
  std::vector<std::string> fetched_;  ///< binaries of the last command, which the server keeps until the next one
  double known_until_ = 0;            ///< monotonic seconds: for so long readings are believed to be this device's
};

}  // namespace athanor::sila2

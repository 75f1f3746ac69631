// A person who orders and corrects this and that, approves what is hazardous sooner or later, looks at samples when
// asked, and sets everything free again when nothing goes wrong any more.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "controller/runtime.h"
#include "core/random.h"
#include "tests/simulation/network.h"

namespace athanor::simulation {

/// Of each experiment, what a person said last that it gave, and what of that was answered last.
struct Words {
  std::uint64_t said = 0;                               // over all: each word is another number
  std::map<std::uint64_t, std::uint64_t> acknowledged;  // experiment → the last word on it that is in the journal
};

/// At one process of the controller; the next process meets another one, who knows what the journal says.
class Person final : public ControlLink {
 public:
  Person(const Campaign& campaign, const Engine& engine, Network& network, World& world, Faults& faults, Words& words,
         RandomStream habits)
      : campaign_(campaign),
        engine_(engine),
        network_(network),
        world_(world),
        faults_(faults),
        words_(words),
        habits_(std::move(habits)) {}

  /// Something, at random.
  void order(RandomStream& chance);
  /// After every turn: what is waited for comes after a while.
  void look();

  std::vector<RequestMade> take() override;
  void answer(const AnswerRequest& answer) override;

 private:
  void give(journal::v1::Order order);
  void correct();
  void set_free();
  void look_at_samples();
  void answer_for(const ExperimentEntry& experiment);
  void approve();

  const Campaign& campaign_;
  const Engine& engine_;
  Network& network_;
  World& world_;
  Faults& faults_;
  Words& words_;
  RandomStream habits_;
  std::map<std::uint64_t, std::uint64_t> corrected_;  ///< word → experiment
  std::map<std::uint64_t, Time> looks_at_;  ///< experiments that wait for an answer → when they are looked at
  std::set<std::uint64_t> hopeless_;        ///< experiments that cannot be helped: the shelf is empty
  std::vector<RequestMade> requests_;
  struct Approval {
    Time at{};  ///< kNever: not while anything goes wrong
    double valid_s = 0;
  };
  std::map<std::uint64_t, Approval> approvals_;  ///< experiment → what it will get
};

}  // namespace athanor::simulation

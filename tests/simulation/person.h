// A person who orders this and that, looks at samples when asked, and sets everything free again when nothing goes
// wrong any more.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "controller/runtime.h"
#include "core/random.h"
#include "tests/simulation/network.h"

namespace athanor::simulation {

/// At one process of the controller; the next process meets another one, who knows what the journal says.
class Person final : public ControlLink {
 public:
  Person(const Campaign& campaign, const Engine& engine, Network& network, const World& world, const Faults& faults,
         RandomStream habits)
      : campaign_(campaign),
        engine_(engine),
        network_(network),
        world_(world),
        faults_(faults),
        habits_(std::move(habits)) {}

  /// Something, at random.
  void order(RandomStream& chance);

  std::vector<RequestMade> take() override;
  void answer(const AnswerRequest& answer) override;

 private:
  void give(journal::v1::Order order);
  void set_free();
  void look_at_samples();
  void answer_for(const ExperimentEntry& experiment);

  const Campaign& campaign_;
  const Engine& engine_;
  Network& network_;
  const World& world_;
  const Faults& faults_;
  RandomStream habits_;
  std::map<std::uint64_t, Time> looks_at_;  ///< experiments that wait for an answer → when they are looked at
  std::set<std::uint64_t> hopeless_;        ///< experiments that cannot be helped: the shelf is empty
  std::vector<RequestMade> requests_;
};

}  // namespace athanor::simulation

// A person who orders this and that, and sets everything free again when nothing goes wrong any more.
#pragma once

#include <vector>

#include "controller/runtime.h"
#include "core/random.h"
#include "tests/simulation/network.h"

namespace athanor::simulation {

/// At one process of the controller; the next process meets another one.
class Person final : public ControlLink {
 public:
  Person(const Engine& engine, Network& network, const Faults& faults)
      : engine_(engine), network_(network), faults_(faults) {}

  /// Something, at random.
  void order(RandomStream& chance);

  std::vector<RequestMade> take() override;
  void answer(const AnswerRequest&) override {}

 private:
  void give(journal::v1::Order order);
  void set_free();

  const Engine& engine_;
  Network& network_;
  const Faults& faults_;
  std::vector<RequestMade> requests_;
};

}  // namespace athanor::simulation

// The data path without its sockets: a driver's window and the controller's store in one process.
#pragma once

#include "instruments/array_intake.h"
#include "instruments/array_window.h"

namespace athanor {

/// The store that collects from the window, until there is another one. Both outlive it.
class ArrayPipe {
 public:
  ArrayPipe(ArrayWindow& window, ArrayStore& store);

  /// Hands everything to and fro until nothing is left to say. Arrays that were closed are then whole in the store, or
  /// never will be; of all others, what was put in is durable, and its room free again.
  /// throws EnvironmentError of the store; this object is then of no more use.
  void pump();

 private:
  void hand_over();

  ArrayWindow& window_;
  ArrayStore& store_;
  ArrayIntake intake_;
};

}  // namespace athanor

#include "core/give_way.h"

#include <sys/resource.h>

namespace athanor {

void give_way() {
  constexpr int kNicer = 10;
  setpriority(PRIO_PROCESS, 0, kNicer);  // on Linux, of this thread alone; without the right to, all stays as it was
}

}  // namespace athanor

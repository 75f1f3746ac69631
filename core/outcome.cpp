#include "core/outcome.h"

namespace athanor {

const char* to_string(Fault::Kind kind) {
  switch (kind) {
    case Fault::Kind::kDevice:
      return "device";
    case Fault::Kind::kSample:
      return "sample";
    case Fault::Kind::kLimit:
      return "limit";
    case Fault::Kind::kStock:
      return "stock";
    case Fault::Kind::kLink:
      return "link";
    case Fault::Kind::kDeadline:
      return "deadline";
    case Fault::Kind::kInterrupted:
      return "interrupted";
  }
  ATHANOR_CHECK(false, "a fault of no known kind");
}

}  // namespace athanor

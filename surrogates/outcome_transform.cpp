#include "surrogates/outcome_transform.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace athanor {

OutcomeTransform OutcomeTransform::log_gap(double best, bool larger_is_better, double range, double softening) {
  ATHANOR_CHECK(range > 0 && softening > 0, "a logarithm of a gap needs a range and a softening above 0");
  OutcomeTransform out;
  out.kind_ = Kind::kLogGap;
  out.centre_ = best;
  out.range_ = range;
  out.softening_ = softening;
  out.sign_ = larger_is_better ? 1 : -1;
  return out;
}

OutcomeTransform OutcomeTransform::bilog(double centre, double range) {
  ATHANOR_CHECK(range > 0, "a bilogarithm needs a range above 0");
  OutcomeTransform out;
  out.kind_ = Kind::kBilog;
  out.centre_ = centre;
  out.range_ = range;
  return out;
}

OutcomeTransform OutcomeTransform::winsorise(double low, double high) {
  ATHANOR_CHECK(low <= high, "winsorise needs limits in order");
  OutcomeTransform out;
  out.kind_ = Kind::kWinsorise;
  out.centre_ = low / 2 + high / 2;
  out.range_ = high / 2 - low / 2;
  return out;
}

double OutcomeTransform::operator()(double y) const {
  switch (kind_) {
    case Kind::kNone:
      return y;
    case Kind::kLogGap:
      return -sign_ * std::log(softening_ + std::max(sign_ * (centre_ - y), 0.0) / range_);
    case Kind::kBilog: {
      const double u = (y - centre_) / range_;
      return std::copysign(std::log1p(std::abs(u)), u);
    }
    case Kind::kWinsorise:
      return std::clamp(y, centre_ - range_, centre_ + range_);
  }
  ATHANOR_CHECK(false, "a transform of no known kind");
}

double OutcomeTransform::log_slope(double y) const {
  switch (kind_) {
    case Kind::kLogGap:
      return -std::log(softening_ + std::max(sign_ * (centre_ - y), 0.0) / range_) - std::log(range_);
    case Kind::kBilog:
      return -std::log1p(std::abs(y - centre_) / range_) - std::log(range_);
    case Kind::kNone:
    case Kind::kWinsorise:
      return 0;
  }
  ATHANOR_CHECK(false, "a transform of no known kind");
}

double OutcomeTransform::inverse(double z) const {
  switch (kind_) {
    case Kind::kNone:
    case Kind::kWinsorise:
      return z;
    case Kind::kLogGap:
      return centre_ - sign_ * range_ * (std::exp(-sign_ * z) - softening_);
    case Kind::kBilog:
      return centre_ + range_ * std::copysign(std::expm1(std::abs(z)), z);
  }
  ATHANOR_CHECK(false, "a transform of no known kind");
}

std::string OutcomeTransform::text() const {
  switch (kind_) {
    case Kind::kNone:
      return "";
    case Kind::kLogGap:
      return "logarithm of the distance to the best";
    case Kind::kBilog:
      return "logarithm of the distance to the middle, to both sides";
    case Kind::kWinsorise:
      return "winsorised";
  }
  ATHANOR_CHECK(false, "a transform of no known kind");
}

}  // namespace athanor

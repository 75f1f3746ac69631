// Monotone maps of an outcome that make it easier to model: kept with the model, so that its answers come back in the
// outcome's own unit.
#pragma once

#include <string>

namespace athanor {

/// z = f(y), strictly increasing but for `winsorise`, which is flat outside its limits.
class OutcomeTransform {
 public:
  /// z = y.
  OutcomeTransform() = default;
  /// ∓ln(softening + gap/range) with the gap |best − y|: stretches what lies near the best and draws in what is worse
  /// by orders of magnitude. `best` is the largest outcome where larger is better, else the smallest; an outcome beyond
  /// it counts as the best. range > 0, softening > 0.
  static OutcomeTransform log_gap(double best, bool larger_is_better, double range, double softening);
  /// sign(u) ln(1 + |u|), u = (y − centre)/range: draws in both tails (Eriksson & Poloczek 2021, "SCBO"). range > 0.
  static OutcomeTransform bilog(double centre, double range);
  /// y, moved into [low, high].
  static OutcomeTransform winsorise(double low, double high);

  bool none() const { return kind_ == Kind::kNone; }
  double operator()(double y) const;
  /// ln f′(y). For winsorise: 0.
  double log_slope(double y) const;
  /// The y of a z; for winsorise z itself.
  double inverse(double z) const;
  /// For people: "logarithm of the distance to the best", empty for none.
  std::string text() const;

 private:
  enum class Kind { kNone, kLogGap, kBilog, kWinsorise };
  Kind kind_ = Kind::kNone;
  double centre_ = 0, range_ = 1, softening_ = 0, sign_ = 1;  // of winsorise: its limits are centre_ ± range_
};

}  // namespace athanor

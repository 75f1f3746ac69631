// A node of the tree is what each parameter may still be: an interval, of a choice a set. A constraint asks for nothing
// where one of its conditions cannot hold any more; where all of them are sure to, it cuts intervals; where all but one
// are and it can no longer be met, that one must not hold.
#include "core/feasible_point.h"

#include <algorithm>
#include <cmath>

#include "core/linear_feasibility.h"

namespace athanor {
namespace {

using Sense = LinearConstraint::Sense;

constexpr double kRounding = 1e-9;     // of a constraint's largest term, or a value's size
constexpr double kWorthACut = 1e-3;    // of a continuous interval: propagation may approach its limit for ever
constexpr int kSweeps = 60;            // of all constraints, at most
constexpr std::size_t kOneByOne = 16;  // values of a number that are tried in turn; more of them are halved

struct Domain {
  double low = 0, high = 0;
  std::vector<bool> left;  // of a choice: which are

  bool single() const { return low == high; }
};

/// Leaves of a choice what is in its set.
bool shrink_to_left(Domain& domain) {
  const auto first = std::find(domain.left.begin(), domain.left.end(), true);
  if (first == domain.left.end()) return false;
  const auto last = std::find(domain.left.rbegin(), domain.left.rend(), true);
  domain.low = static_cast<double>(first - domain.left.begin());
  domain.high = static_cast<double>(domain.left.rend() - last - 1);
  return true;
}

/// The values of a discrete parameter between two numbers: how many, and the k-th.
class Values {
 public:
  Values(const Parameter& parameter, const Domain& domain) : domain_(domain) {
    if (const auto* levels = std::get_if<Levels>(&parameter.kind)) {
      first_ = std::lower_bound(levels->values.begin(), levels->values.end(), domain.low);
      count_ = static_cast<std::size_t>(std::upper_bound(first_, levels->values.end(), domain.high) - first_);
      levels_ = true;
    } else if (parameter.categorical()) {
      for (std::size_t c = 0; c < domain.left.size(); ++c) {
        if (domain.left[c]) choices_.push_back(static_cast<double>(c));
      }
      count_ = choices_.size();
    } else {
      count_ = static_cast<std::size_t>(domain.high - domain.low) + 1;
    }
  }
  std::size_t count() const { return count_; }
  double operator[](std::size_t k) const {
    if (levels_) return first_[static_cast<std::ptrdiff_t>(k)];
    return choices_.empty() ? domain_.low + static_cast<double>(k) : choices_[k];
  }

 private:
  const Domain& domain_;
  std::vector<double>::const_iterator first_;
  std::vector<double> choices_;
  std::size_t count_ = 0;
  bool levels_ = false;
};

class Search {
 public:
  Search(const std::vector<Parameter>& parameters, const std::vector<LinearConstraint>& constraints,
         RandomStream* random, std::size_t most_nodes)
      : parameters_(parameters), constraints_(constraints), random_(random), nodes_left_(most_nodes) {
    branched_.resize(parameters.size(), false);
    for (const LinearConstraint& constraint : constraints) {
      tolerance_.push_back(kRounding * largest_term(constraint, parameters));
      for (const auto& term : constraint.terms) branched_[term.parameter] = true;
      for (const auto& condition : constraint.when) branched_[condition.parameter] = true;
    }
  }

  Sought run(const std::optional<Held>& held) {
    std::vector<Domain> domains;
    for (const Parameter& p : parameters_) {
      domains.push_back({p.low(), p.high(), std::vector<bool>(p.categorical() ? p.cardinality() : 0, true)});
    }
    if (held) hold(domains[held->parameter], held->value);
    Sought out;
    out.point = descend(std::move(domains));
    out.exists = out.point || gave_up_;
    return out;
  }

 private:
  static void hold(Domain& domain, double value) {
    domain.low = domain.high = value;
    for (std::size_t c = 0; c < domain.left.size(); ++c) domain.left[c] = static_cast<double>(c) == value;
  }

  std::optional<Point> descend(std::vector<Domain> domains) {
    if (nodes_left_ == 0) {
      gave_up_ = true;
      return std::nullopt;
    }
    --nodes_left_;
    if (!propagate(domains)) return std::nullopt;
    const std::size_t next = to_branch(domains);
    if (next == domains.size()) return leaf(domains);
    if (!parameters_[next].categorical() && !relaxed(domains)) return std::nullopt;

    const Values values(parameters_[next], domains[next]);
    if (parameters_[next].categorical() || values.count() <= kOneByOne) {
      std::vector<std::size_t> order(values.count());
      for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
      for (std::size_t k = order.size(); random_ && k > 1; --k) std::swap(order[k - 1], order[random_->below(k)]);
      for (const std::size_t k : order) {
        std::vector<Domain> branch = domains;
        hold(branch[next], values[k]);
        if (auto point = descend(std::move(branch))) return point;
      }
      return std::nullopt;
    }
    const std::size_t half = random_ ? 1 + random_->below(values.count() - 1) : values.count() / 2;
    const bool upper_first = random_ && random_->below(values.count()) >= half;
    for (const bool upper : {upper_first, !upper_first}) {
      std::vector<Domain> branch = domains;
      (upper ? branch[next].low : branch[next].high) = values[upper ? half : half - 1];
      if (auto point = descend(std::move(branch))) return point;
    }
    return std::nullopt;
  }

  /// The choice with the fewest left, and then the number; the number of parameters where all is settled.
  std::size_t to_branch(const std::vector<Domain>& domains) const {
    std::size_t best = domains.size(), fewest = 0;
    for (const bool categorical : {true, false}) {
      for (std::size_t i = 0; i < domains.size(); ++i) {
        const Parameter& p = parameters_[i];
        if (!branched_[i] || p.continuous() || p.categorical() != categorical || domains[i].single()) continue;
        const std::size_t count = Values(p, domains[i]).count();
        if (best != domains.size() && count >= fewest) continue;
        best = i;
        fewest = count;
      }
      if (best != domains.size()) return best;
    }
    return best;
  }

  std::optional<Point> leaf(const std::vector<Domain>& domains) {
    Point point(domains.size());
    for (std::size_t i = 0; i < point.size(); ++i) point[i] = branched_[i] ? domains[i].low : any(i, domains[i]);
    const auto solved = relaxed(domains);
    if (!solved) return std::nullopt;
    for (std::size_t i = 0; i < point.size(); ++i) {
      if (branched_[i] && parameters_[i].continuous()) point[i] = (*solved)[i];
    }
    return point;
  }

  /// Of a parameter that nothing constrains.
  double any(std::size_t i, const Domain& domain) {
    const Parameter& p = parameters_[i];
    if (!random_ || domain.single()) return domain.low;
    if (p.continuous()) {
      const auto& range = std::get<Continuous>(p.kind);
      return range.log
                 ? std::clamp(range.low * std::pow(range.high / range.low, random_->uniform()), range.low, range.high)
                 : random_->uniform(range.low, range.high);
    }
    const Values values(p, domain);
    return values[random_->below(values.count())];
  }

  /// Values that hold what surely applies, with every number continuous. A continuous one within all of its range: to
  /// an interval that propagation has cut to next to nothing, rounding would be large.
  std::optional<std::vector<double>> relaxed(const std::vector<Domain>& domains) const {
    std::vector<Range> ranges;
    for (std::size_t i = 0; i < domains.size(); ++i) {
      const Parameter& p = parameters_[i];
      ranges.push_back(p.continuous() ? Range{p.low(), p.high()} : Range{domains[i].low, domains[i].high});
    }
    std::vector<LinearConstraint> sure;
    for (const LinearConstraint& constraint : constraints_) {
      if (open_conditions(constraint, domains).count == 0) sure.push_back(constraint);
    }
    return relaxed_point(ranges, sure);
  }

  struct Open {
    std::size_t count = 0;
    const LinearConstraint::Condition* one = nullptr;
    bool impossible = false;
  };
  /// Its conditions that may hold or not; `impossible` (and a count that is not 0) where one of them cannot.
  static Open open_conditions(const LinearConstraint& constraint, const std::vector<Domain>& domains) {
    Open out;
    for (const auto& condition : constraint.when) {
      const std::vector<bool>& left = domains[condition.parameter].left;
      bool may = false, must = true;
      for (std::size_t c = 0; c < left.size(); ++c) {
        may = may || (left[c] && condition.meant[c]);
        must = must && (!left[c] || condition.meant[c]);
      }
      if (!may) return {1, nullptr, true};
      if (must) continue;
      ++out.count;
      out.one = &condition;
    }
    return out;
  }

  /// False where nothing is left.
  bool propagate(std::vector<Domain>& domains) const {
    bool changed = true;
    for (int sweep = 0; changed && sweep < kSweeps; ++sweep) {
      changed = false;
      for (std::size_t c = 0; c < constraints_.size(); ++c) {
        const LinearConstraint& constraint = constraints_[c];
        const Open open = open_conditions(constraint, domains);
        if (open.impossible || open.count > 1) continue;
        double least = 0, most = 0;
        for (const auto& [k, a] : constraint.terms) {
          least += std::min(a * domains[k].low, a * domains[k].high);
          most += std::max(a * domains[k].low, a * domains[k].high);
        }
        const bool below = constraint.sense != Sense::kAtLeast, above = constraint.sense != Sense::kAtMost;
        const double tolerance = tolerance_[c] * static_cast<double>(constraint.terms.size());
        if ((below && least > constraint.bound + tolerance) || (above && most < constraint.bound - tolerance)) {
          if (open.count == 0) return false;
          Domain& domain = domains[open.one->parameter];
          for (std::size_t i = 0; i < domain.left.size(); ++i) {
            if (open.one->meant[i]) domain.left[i] = false;
          }
          if (!shrink_to_left(domain)) return false;
          changed = true;
          continue;
        }
        if (open.count > 0) continue;
        for (const auto& [k, a] : constraint.terms) {
          if (a == 0) continue;
          Domain& domain = domains[k];
          double low = domain.low, high = domain.high;
          const double own_least = std::min(a * low, a * high), own_most = std::max(a * low, a * high);
          // a·x ≤ bound − (the others' least), and likewise from below
          if (below) (a > 0 ? high : low) = (constraint.bound + tolerance - (least - own_least)) / a;
          if (above) (a > 0 ? low : high) = (constraint.bound - tolerance - (most - own_most)) / a;
          if (!cut(parameters_[k], domain, low, high, changed)) return false;
          least += std::min(a * domain.low, a * domain.high) - own_least;
          most += std::max(a * domain.low, a * domain.high) - own_most;
        }
      }
    }
    return true;
  }

  /// Leaves of a number's interval what lies in [low, high] too; false for nothing.
  static bool cut(const Parameter& p, Domain& domain, double low, double high, bool& changed) {
    if (p.continuous()) {
      const double enough = kWorthACut * (domain.high - domain.low);
      const double slack = kRounding * std::max(std::abs(p.low()), std::abs(p.high()));
      if (std::max(low, domain.low) > std::min(high, domain.high) + slack) return false;
      low = std::clamp(low, domain.low, domain.high);
      high = std::clamp(high, low, domain.high);
      changed = changed || low > domain.low + enough || high < domain.high - enough;
      domain.low = low;
      domain.high = high;
      return true;
    }
    low = std::max(low, domain.low);
    high = std::min(high, domain.high);
    if (const auto* levels = std::get_if<Levels>(&p.kind)) {
      const auto above =
          std::lower_bound(levels->values.begin(), levels->values.end(), low - kRounding * std::abs(low));
      const auto below =
          std::upper_bound(levels->values.begin(), levels->values.end(), high + kRounding * std::abs(high));
      if (above >= below) return false;
      low = *above;
      high = *(below - 1);
    } else {
      low = std::ceil(low - kRounding * std::max(1.0, std::abs(low)));
      high = std::floor(high + kRounding * std::max(1.0, std::abs(high)));
      if (low > high) return false;
    }
    changed = changed || low > domain.low || high < domain.high;
    domain.low = low;
    domain.high = high;
    return true;
  }

  const std::vector<Parameter>& parameters_;
  const std::vector<LinearConstraint>& constraints_;
  std::vector<double> tolerance_;  // a constraint
  std::vector<bool> branched_;     // parameters that a constraint speaks of
  RandomStream* random_;
  std::size_t nodes_left_;
  bool gave_up_ = false;
};

}  // namespace

Sought feasible_point(const std::vector<Parameter>& parameters, const std::vector<LinearConstraint>& constraints,
                      const std::optional<Held>& held, RandomStream* random, std::size_t most_nodes) {
  return Search(parameters, constraints, random, most_nodes).run(held);
}

bool can_hold_together(const std::vector<Parameter>& parameters, const std::vector<LinearConstraint>& constraints,
                       const std::optional<Held>& held) {
  return feasible_point(parameters, constraints, held).exists;
}

// Leaves out one after another whatever the conflict does not need.
std::vector<std::size_t> smallest_conflict(const std::vector<Parameter>& parameters,
                                           const std::vector<LinearConstraint>& constraints,
                                           const std::optional<Held>& held) {
  std::vector<std::size_t> kept(constraints.size());
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = i;
  for (std::size_t i = 0; i < constraints.size(); ++i) {
    std::vector<LinearConstraint> without;
    for (const std::size_t k : kept) {
      if (k != i) without.push_back(constraints[k]);
    }
    if (!can_hold_together(parameters, without, held)) std::erase(kept, i);
  }
  return kept;
}

}  // namespace athanor

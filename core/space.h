// The search space: what may be varied, within which limits, and how a point of it is encoded for the surrogates.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/quantity.h"

namespace athanor {

/// A point in natural coordinates, one number a parameter in the order of the space: a continuous parameter's number in
/// its own unit, an integer, a level's number, or the index of a choice.
using Point = std::vector<double>;

struct Continuous {
  double low = 0;
  double high = 1;
  bool log = false;  ///< encoded by its logarithm; needs low > 0
};
struct Integer {
  long low = 0;
  long high = 1;
};
/// Ordered numbers, at least one, ascending.
struct Levels {
  std::vector<double> values;
};
/// Unordered names, at least one, all different.
struct Choices {
  std::vector<std::string> names;
  /// What is known of each name (a solvent's polarity, its boiling point), so that what is learned of one tells of
  /// those like it: one row a name, all of one width, each column from 0 to 1. Empty: nothing is.
  std::vector<std::vector<double>> descriptors = {};
};

struct Parameter {
  std::string name;
  Unit unit;  ///< of every number of this parameter; dimensionless for choices
  std::variant<Continuous, Integer, Levels, Choices> kind;
  /// Of a range or whole numbers, as a difference in `unit` (on a logarithmic scale too): values nearer to each other
  /// are the same to the laboratory. 0: every difference counts.
  double resolution = 0;

  bool categorical() const { return std::holds_alternative<Choices>(kind); }
  bool continuous() const { return std::holds_alternative<Continuous>(kind); }
  /// How many values it can take; 0 for a continuous parameter.
  std::size_t cardinality() const;
  double low() const;   ///< smallest legal number (0 for choices)
  double high() const;  ///< largest legal number (count − 1 for choices)
  double width() const { return high() - low(); }
  /// The legal number nearest to `value` (for choices: the index, rounded and clamped).
  double nearest(double value) const;
  /// Whether a value that was told can be one of these: outside by no more than rounding and a careless conversion of
  /// units, which is 1e-6 of a range's width (of a logarithmic one, in its logarithm) and 1e-9 of a discrete value.
  bool admits(double value) const;
  /// "between 30 and 110 degC", "an integer between 1 and 8", "one of the levels 1, 2, 5 bar".
  std::string legal_values() const;
  /// For people and files: "80", or a choice's name.
  std::string text(double value) const;
  /// For people, also of what no value of it can be: "80 degC"; of choices the number.
  std::string with_unit(double value) const;
};

/// Σ coefficient · parameter  (≤ | ≥ | =)  bound, in natural coordinates. Categorical parameters cannot take part, but
/// an inequality may depend on them.
struct LinearConstraint {
  enum class Sense { kAtMost, kAtLeast, kEqual };
  struct Term {
    std::size_t parameter;
    double coefficient;
  };
  /// A categorical parameter, and for each of its choices whether the constraint is meant for it.
  struct Condition {
    std::size_t parameter;
    std::vector<bool> meant;
  };
  std::vector<Term> terms;
  Sense sense = Sense::kAtMost;
  double bound = 0;
  std::string text;  ///< as the user wrote it, for messages
  /// It is asked for only where all of these hold. Without terms, and with 0 ≤ −1 to ask for, it forbids them.
  std::vector<Condition> when = {};

  /// False where a condition does not hold.
  bool applies(const Point& point) const;
  /// How far `point` violates it; 0 where it holds or does not apply.
  double violation(const Point& point) const;
};

/// Whether `point` holds `constraint` to `tolerance`, relative to the sum of its terms at that point and its bound, and
/// to the rounding of the parameters' ranges.
bool satisfies(const LinearConstraint& constraint, const std::vector<Parameter>& parameters, const Point& point,
               double tolerance);

/// The largest that one of its terms, or its bound, can be: what a violation is to be measured by.
double largest_term(const LinearConstraint& constraint, const std::vector<Parameter>& parameters);

/// A table of natural points to choose among, row-major, rows × parameters.
struct CandidatePool {
  std::vector<double> values;
  std::size_t rows = 0;
  std::string source;  ///< the file, for messages
};

class Space {
 public:
  Space() = default;
  /// throws InputError for an empty space, two parameters of one name, an empty range or one narrower than its
  /// resolution, a constraint on a categorical parameter, an equality that no whole numbers or levels can meet,
  /// constraints that no point can satisfy together, or a pool with a row outside the space.
  Space(std::vector<Parameter> parameters, std::vector<LinearConstraint> constraints = {},
        std::optional<CandidatePool> pool = std::nullopt);

  std::size_t size() const { return parameters_.size(); }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const Parameter& operator[](std::size_t i) const { return parameters_[i]; }
  std::optional<std::size_t> find(std::string_view name) const;
  /// Linear constraints, those of mixtures (Σ parts = total) among them.
  const std::vector<LinearConstraint>& constraints() const { return constraints_; }
  const std::optional<CandidatePool>& pool() const { return pool_; }

  /// Natural point → unit cube, one column a parameter: continuous and integer linearly (or by logarithm) from
  /// low…high, levels linearly by their value, choices as index / (count − 1). A parameter with one value is encoded as
  /// 0.5.
  std::vector<double> encode(std::span<const double> point) const;
  /// Unit cube → the nearest legal natural point. decode(encode(p)) = p, exactly for discrete parameters, to rounding
  /// for others.
  Point decode(std::span<const double> unit) const;

  /// Every number legal (within `tolerance` of the range's width) and every constraint satisfied (to `tolerance`,
  /// relative to its terms at the point); where there is a pool, membership in it is not checked.
  bool feasible(const Point& point, double tolerance = 1e-9) const;
  /// Why `point` is not feasible, in words that name the parameter or constraint; empty if it is.
  std::string why_infeasible(const Point& point, double tolerance = 1e-9) const;
  /// Why nobody can have carried out an experiment of this space at `point`, in words that name the parameter or
  /// constraint; empty if one may have. Laxer than `why_infeasible`, for what is weighed out is never exact: each value
  /// admitted by its parameter, each constraint violated by no more than 1 % of its largest term there or its bound.
  std::string why_implausible(const Point& point) const;
  /// True if no parameter is continuous, or there is a pool: a finite number of different points.
  bool finite() const;
  /// How many different points there are, ignoring constraints; at most `cap`; `cap` too if infinite.
  std::size_t count(std::size_t cap) const;

 private:
  void check_pool() const;

  std::vector<Parameter> parameters_;
  std::vector<LinearConstraint> constraints_;
  std::optional<CandidatePool> pool_;
};

/// Parses "loading + 0.1*cycles <= 3" over the numeric parameters. Numbers without a unit are in the parameters' own
/// units. throws InputError that quotes the text and names what was wrong (an unknown name with the nearest known one).
LinearConstraint parse_constraint(std::string_view text, const std::vector<Parameter>& parameters);

}  // namespace athanor

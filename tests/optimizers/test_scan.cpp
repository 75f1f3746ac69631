// Goal: batches from a pool are the ones that valuing every row anew would give, and most rows are valued once; what a
// clock left out is looked at next. Method: gains that are submodular by their making (sets to be covered), brute
// force.
#include "optimizers/scan.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <set>

#include "core/random.h"

using namespace athanor;

namespace {

constexpr std::size_t kRows = 3000, kElements = 400, kBatch = 20;

Space pool_of(std::size_t rows) {
  CandidatePool pool;
  pool.rows = rows;
  for (std::size_t i = 0; i < rows; ++i) pool.values.push_back(static_cast<double>(i));
  return Space({{"row", {}, Continuous{0, static_cast<double>(rows - 1)}}}, {}, pool);
}

std::size_t row_of(double unit, std::size_t rows) {
  return static_cast<std::size_t>(std::lround(unit * static_cast<double>(rows - 1)));
}

/// Each row covers some of the elements, which have weights.
struct Cover {
  explicit Cover(std::uint64_t seed) {
    RandomStream random(seed, "cover");
    for (std::size_t e = 0; e < kElements; ++e) weights.push_back(std::exp(2 * random.normal()));
    for (std::size_t i = 0; i < kRows; ++i) {
      std::vector<std::size_t>& own = covers.emplace_back();
      for (std::uint64_t n = 1 + random.below(12); n > 0; --n) own.push_back(random.below(kElements));
      std::sort(own.begin(), own.end());
      own.erase(std::unique(own.begin(), own.end()), own.end());
    }
  }
  /// What row `i` adds to what is covered.
  double gain(std::size_t i, const std::set<std::size_t>& covered) const {
    double sum = 1e-9;
    for (const std::size_t e : covers[i]) sum += covered.contains(e) ? 0 : weights[e];
    return sum;
  }
  std::vector<double> weights;
  std::vector<std::vector<std::size_t>> covers;
};

/// ln of the gain, times a probability of ½ at least that is another one each time.
class Gain final : public Acquisition {
 public:
  Gain(const Cover& cover, std::set<std::size_t> covered, std::uint64_t turn, bool uncertain)
      : cover_(cover), covered_(std::move(covered)), turn_(turn), uncertain_(uncertain) {}
  double of(std::size_t row) const { return std::log(cover_.gain(row, covered_)) + log_probability(row); }
  Vector evaluate(const Matrix& points, Matrix*) const override {
    valued += static_cast<std::size_t>(points.rows());
    return points.col(0).unaryExpr([&](double unit) { return of(row_of(unit, kRows)); });
  }
  Vector bounds(const Matrix& points) const override {
    bounded += static_cast<std::size_t>(points.rows());
    return points.col(0).unaryExpr([&](double unit) { return std::log(cover_.gain(row_of(unit, kRows), covered_)); });
  }
  mutable std::atomic<std::size_t> valued{0}, bounded{0};

 private:
  double log_probability(std::size_t row) const {
    return uncertain_ ? std::log(RandomStream(turn_, "probability", row).uniform(0.5, 1)) : 0;
  }
  const Cover& cover_;
  std::set<std::size_t> covered_;
  std::uint64_t turn_;
  bool uncertain_;
};

}  // namespace

TEST_CASE("a batch whose points are worth ever less is the greedy one, and few rows are valued again", "[scan]") {
  const Space space = pool_of(kRows);
  for (const bool uncertain : {false, true}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      CAPTURE(uncertain, seed);
      const Cover cover(seed);
      Tried tried(space);
      std::set<std::size_t> covered;
      auto scan = Scan::over(space, false);
      REQUIRE(scan);
      std::size_t valued = 0, bounded = 0;
      for (std::size_t turn = 0; turn < kBatch; ++turn) {
        const Gain gain(cover, covered, turn, uncertain);
        const auto found = scan->best(gain, tried, {}, uncertain ? std::log(2.0) : 0);
        REQUIRE(found);
        valued += gain.valued;
        bounded += gain.bounded;
        double most = -HUGE_VAL;
        for (std::size_t i = 0; i < kRows; ++i) {
          if (!tried.near({static_cast<double>(i)})) most = std::max(most, gain.of(i));
        }
        CHECK(found->value == most);
        const auto row = static_cast<std::size_t>(found->at[0]);
        tried.add(found->at);
        covered.insert(cover.covers[row].begin(), cover.covers[row].end());
      }
      CHECK(bounded == kRows);
      CHECK(valued < kRows * kBatch / 5);
    }
  }
}

TEST_CASE("of another acquisition nothing is known beforehand", "[scan]") {
  const Space space = pool_of(kRows);
  const Cover one(1), other(2);
  auto scan = Scan::over(space, false);
  scan->best(Gain(one, {}, 0, false), Tried(space), {}, 0);
  const Gain gain(other, {}, 0, false);
  const auto found = scan->best(gain, Tried(space));
  REQUIRE(found);
  CHECK(gain.bounded == kRows);
  for (std::size_t i = 0; i < kRows; ++i) CHECK(gain.of(i) <= found->value);
  const Gain first(one, {}, 0, false);  // nor of it to the next one, whose bounds would lack what may rise
  scan->best(first, Tried(space), {}, 0);
  CHECK(first.bounded == kRows);
}

TEST_CASE("what a clock left out of a pool is looked at with the next suggestion", "[scan]") {
  const Space space = pool_of(kRows);
  const Cover cover(3);
  auto scan = Scan::over(space, true);
  const Gain gain(cover, {}, 0, false);
  std::size_t before = 0;
  for (const std::size_t until : {500, 1000, 2000}) {
    const auto found = scan->best(
        gain, Tried(space), [&] { return gain.bounded >= until; }, 0);
    REQUIRE(found);
    CHECK(gain.bounded >= until);
    CHECK(gain.bounded < until + 500);
    CHECK(found->searched < 1);
    before = gain.bounded;
  }
  const auto found = scan->best(
      gain, Tried(space), [] { return false; }, 0);
  REQUIRE(found);
  CHECK(found->searched == 1);
  CHECK(gain.bounded > before);
  CHECK(gain.bounded < kRows + 500);  // those of chunks that were broken off may be bounded again
  for (std::size_t i = 0; i < kRows; ++i) CHECK(gain.of(i) <= found->value);
}

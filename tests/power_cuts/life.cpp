#include "life.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/random.h"

namespace athanor::power {
namespace {

constexpr std::uint64_t kSecondWithin = 60;  // operations of the second life: mostly while it recovers

std::string broken_by(const Disk& disk, const Work& work) {
  try {
    work();
  } catch (const Broken& broken) {
    return broken.what();
  } catch (const EnvironmentError& error) {
    if (disk.has_power()) return error.what();
  }
  return "";
}

}  // namespace

Life live(const Cut& cut, const Work& work) {
  auto disk = std::make_unique<Disk>();
  disk->cut_power_at(cut.operation);
  RandomStream chance(cut.seed, "second cut", static_cast<std::uint64_t>(cut.operation));
  for (Life life;; ++life.cuts) {
    if (life.cuts == 1) disk->cut_power_at(static_cast<int>(1 + chance.below(kSecondWithin)));
    {
      const Mounted mounted(*disk);
      life.broken = broken_by(*disk, work);
    }
    if (disk->has_power() || !life.broken.empty()) return life;
    disk = disk->after(cut.tearing, cut.seed);
  }
}

Tally sweep(const std::function<Work()>& make, int seeds, Range range) {
  Tally tally;
  for (const Tearing tearing : kTearings) {
    for (int seed = 0; seed < seeds; ++seed) {
      for (int operation = range.first; operation <= range.last; operation += range.step) {
        const Life life = live({tearing, static_cast<std::uint64_t>(seed), operation}, make());
        ++tally.lives;
        tally.cuts += life.cuts;
        if (!life.broken.empty() && tally.broken++ == 0) {
          tally.first = fmt::format("tearing {}, seed {}, power cut at operation {}: {}", static_cast<int>(tearing),
                                    seed, operation, life.broken);
        }
        if (life.cuts == 0) break;
      }
    }
  }
  return tally;
}

}  // namespace athanor::power

// What a detector at the end of a column records: peaks on a baseline.
#pragma once

#include <vector>

#include "core/random.h"

namespace athanor {

/// Everything that passes the column, and how the detector sees it. Times in seconds, signals in mAU.
///
/// A peak is a Gaussian that trails off exponentially (E. Grushka, “Characterization of exponentially modified Gaussian
/// peaks in chromatography”, Anal. Chem. 1972, 44, 1733): its mean is `at_s` + `tail_s`, its variance `width_s`² +
/// `tail_s`².
struct Chromatogram {
  struct Peak {
    double at_s = 0;  ///< centre of the Gaussian
    double area_mau_s = 0;
  };
  std::vector<Peak> peaks;
  double width_s = 1;  ///< standard deviation of the Gaussian
  double tail_s = 1;   ///< time constant of the exponential
  double drift_mau_per_s = 0;
  double noise_mau = 0;  ///< standard deviation of each sample

  /// The trace over `run_s`. A sample is the mean of the signal over its 1/`rate_hz` seconds, as an integrating
  /// converter gives it: so the sum of all, divided by the rate, is the area, however few they are. The last one may
  /// reach beyond the end.
  std::vector<float> record(double run_s, double rate_hz, RandomStream& chance) const;
};

}  // namespace athanor

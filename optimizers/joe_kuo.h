// Direction numbers for Sobol sequences, in joe_kuo.cpp.
#pragma once

namespace athanor {

constexpr unsigned kJoeKuoDimensions = 160;
constexpr unsigned kJoeKuoNumberCount = 1359;
extern const unsigned kJoeKuoPolynomials[kJoeKuoDimensions - 1];
extern const unsigned kJoeKuoNumbers[kJoeKuoNumberCount];

}  // namespace athanor

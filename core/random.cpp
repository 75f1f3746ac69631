#include "core/random.h"

#include <bit>
#include <cmath>

#include "core/check.h"

namespace athanor {
namespace {

// splitmix64 (Steele, Lea & Flood 2014): a step of the Weyl sequence, then a finalizer that is a bijection of 64 bits.
std::uint64_t splitmix(std::uint64_t& weyl) {
  std::uint64_t z = (weyl += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

std::uint64_t mixed(std::uint64_t value) {
  return splitmix(value);
}

// FNV-1a, 64 bits: names are short and told apart by the mixing that follows.
std::uint64_t hash(std::string_view name) {
  std::uint64_t h = 0xcbf29ce484222325U;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return h;
}

// Each part passes through the finalizer before the next is added, so that no two parts can cancel.
std::uint64_t key(std::uint64_t seed, std::string_view name, std::uint64_t index) {
  return mixed(mixed(mixed(seed) ^ hash(name)) ^ index);
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, std::string_view name, std::uint64_t index) : state_{} {
  std::uint64_t weyl = key(seed, name, index);
  for (std::uint64_t& word : state_) word = splitmix(weyl);
}

std::uint64_t RandomStream::operator()() {
  auto& s = state_;
  const std::uint64_t result = std::rotl(s[0] + s[3], 23) + s[0];
  const std::uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = std::rotl(s[3], 45);
  return result;
}

double RandomStream::uniform() {
  return static_cast<double>((*this)() >> 11) * 0x1.0p-53;
}

double RandomStream::uniform(double low, double high) {
  return low + (high - low) * uniform();
}

// Lemire 2019, "Fast random integer generation in an interval": the high word of a 128-bit product, the few products
// that would favour some results rejected.
std::uint64_t RandomStream::below(std::uint64_t count) {
  ATHANOR_CHECK(count >= 1, "a random number below zero was asked for");
  __extension__ using Wide = unsigned __int128;
  Wide product = static_cast<Wide>((*this)()) * count;
  if (static_cast<std::uint64_t>(product) < count) {
    const std::uint64_t unfair = (0 - count) % count;  // 2^64 mod count
    while (static_cast<std::uint64_t>(product) < unfair) product = static_cast<Wide>((*this)()) * count;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

// Marsaglia's polar method. The second normal of each pair is thrown away: a stream is then its four words and no more.
double RandomStream::normal() {
  for (;;) {
    const double x = uniform(-1, 1), y = uniform(-1, 1);
    const double s = x * x + y * y;
    if (s < 1 && s > 0) return x * std::sqrt(-2 * std::log(s) / s);
  }
}

// One finalizer more than a stream's key, so that a derived seed is not the key of the stream of the same name.
std::uint64_t Random::derive(std::string_view name, std::uint64_t index) const {
  return mixed(~key(seed_, name, index));
}

}  // namespace athanor

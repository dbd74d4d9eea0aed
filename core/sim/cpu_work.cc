#include "core/sim/cpu_work.h"

#include <algorithm>
#include <ctime>

namespace progressd {
namespace {

std::int64_t thread_cpu_ns() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

std::uint64_t cpu_work(std::uint64_t seed, std::uint64_t rounds) {
  // Source: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
  std::uint64_t state = seed;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    state += 0x9e3779b97f4a7c15;
    state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
    state = (state ^ (state >> 27)) * 0x94d049bb133111eb;
    state ^= state >> 31;
  }
  return state;
}

std::uint64_t calibrate_rounds_per_ms() {
  constexpr std::int64_t kEnoughNs = 5'000'000;
  std::uint64_t rounds = 10'000;
  std::uint64_t seed = 1;
  std::uint64_t best = 1;
  // The best of some runs: a run that was interrupted says too little.
  for (int run = 0; run < 3;) {
    const std::int64_t begun = thread_cpu_ns();
    seed = cpu_work(seed, rounds);
    const std::int64_t taken = std::max<std::int64_t>(thread_cpu_ns() - begun, 1);
    if (taken < kEnoughNs) {
      rounds *= 2;
      continue;
    }
    best = std::max(best, rounds * 1'000'000 / static_cast<std::uint64_t>(taken));
    ++run;
  }
  return seed == 0 ? best + 1 : best;  // the seed is used, so the work is done
}

}  // namespace progressd

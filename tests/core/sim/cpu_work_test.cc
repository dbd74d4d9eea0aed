#include "core/sim/cpu_work.h"

#include <gtest/gtest.h>

#include <ctime>
#include <set>

namespace progressd {
namespace {

double cpu_ms() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

TEST(CpuWork, TheSameSeedEndsTheSame) {
  EXPECT_EQ(cpu_work(42, 1000), cpu_work(42, 1000));
  EXPECT_EQ(cpu_work(42, 0), 42u);
}

TEST(CpuWork, DifferentSeedsAndLengthsEndDifferently) {
  std::set<std::uint64_t> ends;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) ends.insert(cpu_work(seed, 10));
  EXPECT_EQ(ends.size(), 1000u);
  EXPECT_NE(cpu_work(1, 10), cpu_work(1, 11));
}

TEST(CpuWork, SlicesAddUpToTheWhole) {
  std::uint64_t state = 7;
  for (int slice = 0; slice < 10; ++slice) state = cpu_work(state, 123);
  EXPECT_EQ(state, cpu_work(7, 1230));
}

TEST(CpuWork, CalibrationSaysWhatAMillisecondTakes) {
  const std::uint64_t rounds_per_ms = calibrate_rounds_per_ms();
  ASSERT_GT(rounds_per_ms, 100u);
  const double begun = cpu_ms();
  volatile std::uint64_t end = cpu_work(1, 20 * rounds_per_ms);
  const double taken = cpu_ms() - begun;
  EXPECT_NE(end, 0u);
  EXPECT_GT(taken, 10);  // 20 ms were meant; machines are busy
  EXPECT_LT(taken, 100);
}

}  // namespace
}  // namespace progressd

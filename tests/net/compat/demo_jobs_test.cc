#include "net/compat/demo_jobs.h"

#include <gtest/gtest.h>

namespace progressd {
namespace {

void expect_met(Millis duration_ms) {
  const DemoPace pace = demo_pace(duration_ms);
  EXPECT_GE(pace.step_ms, 1) << duration_ms;
  EXPECT_GE(pace.steps, 1) << duration_ms;
  EXPECT_LE(pace.steps, 100) << duration_ms;
  const Millis taken_ms = pace.steps * pace.step_ms;
  EXPECT_LE(taken_ms, duration_ms);
  EXPECT_LT(duration_ms - taken_ms, pace.step_ms) << duration_ms;
}

TEST(DemoPace, MeetsEveryDurationToWithinAStep) {
  for (Millis duration_ms = kDemoMsMin; duration_ms <= 30'000; ++duration_ms) {
    expect_met(duration_ms);
  }
  for (Millis less = 0; less < 1'000; ++less) expect_met(kDemoMsMax - less);
}

TEST(DemoPace, AStepIsOnePerCentWhereTheDurationDividesByAHundred) {
  EXPECT_EQ(demo_pace(10'000).steps, 100);
  EXPECT_EQ(demo_pace(10'000).step_ms, 100);
  EXPECT_EQ(demo_pace(199).steps, 99);
  EXPECT_EQ(demo_pace(199).step_ms, 2);
}

}  // namespace
}  // namespace progressd

#include "net/compat/demo_jobs.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/net/testing.h"

namespace progressd {
namespace {

void expect_met(Millis duration_ms) {
  const DemoPace pace = demo_pace(duration_ms);
  EXPECT_GE(pace.step_ms, 1) << duration_ms;
  EXPECT_GE(pace.steps, 1) << duration_ms;
  EXPECT_LE(pace.steps, 100) << duration_ms;
  EXPECT_GE(pace.last_step_more_ms, 0) << duration_ms;
  EXPECT_LT(pace.last_step_more_ms, pace.step_ms) << duration_ms;
  EXPECT_EQ(pace.steps * pace.step_ms + pace.last_step_more_ms, duration_ms);
}

TEST(DemoPace, MeetsEveryDurationExactly) {
  for (Millis duration_ms = kDemoMsMin; duration_ms <= 30'000; ++duration_ms) {
    expect_met(duration_ms);
  }
  for (Millis less = 0; less < 1'000; ++less) expect_met(kDemoMsMax - less);
}

TEST(DemoPace, AStepIsOnePerCentWhereTheDurationDividesByAHundred) {
  EXPECT_EQ(demo_pace(10'000).steps, 100);
  EXPECT_EQ(demo_pace(10'000).step_ms, 100);
  EXPECT_EQ(demo_pace(10'000).last_step_more_ms, 0);
}

TEST(DemoPace, TheLastStepTakesTheRest) {
  EXPECT_EQ(demo_pace(199).steps, 99);
  EXPECT_EQ(demo_pace(199).step_ms, 2);
  EXPECT_EQ(demo_pace(199).last_step_more_ms, 1);
  EXPECT_EQ(demo_pace(10'050).steps, 99);
  EXPECT_EQ(demo_pace(10'050).step_ms, 101);
  EXPECT_EQ(demo_pace(10'050).last_step_more_ms, 51);
}

TEST(DemoJobs, OneWhoseDurationIsNoMultipleOfItsStepsTakesAllOfIt) {
  using std::chrono::milliseconds;
  using std::chrono::steady_clock;
  Config config;
  config.demo_jobs.duration_ms = 1'010;  // 91 steps of 11 ms are 1,001
  const TestServer server(config);
  TestClient all(server);
  all.send("GET /v1/events?all=true HTTP/1.1\r\nHost: localhost\r\n\r\n");
  all.read_until("retry: ");
  TestClient client(server);
  const steady_clock::time_point begun = steady_clock::now();
  client.request("POST", "/create_job");
  const std::string told = all.read_until("event: completed\n");
  // The loop's clock has whole milliseconds: one of them may have begun before.
  EXPECT_GE(steady_clock::now() - begun, milliseconds(1'010 - 1));
  EXPECT_NE(told.find(R"("done":90,"total":91,)"), std::string::npos) << "a hundred steps at most";
}

}  // namespace
}  // namespace progressd

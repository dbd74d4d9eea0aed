#include "core/jobs/job.h"

#include <gtest/gtest.h>

#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::job_spec;
using testing::kSomeDay;

TEST(Job, PercentHasTwoDecimalsAndIsExactAtItsEnds) {
  EXPECT_EQ(Job::percent_hundredths(0, 100), 0);
  EXPECT_EQ(Job::percent_hundredths(45, 100), 4500);
  EXPECT_EQ(Job::percent_hundredths(1, 3), 3333);
  EXPECT_EQ(Job::percent_hundredths(2, 3), 6667);
  EXPECT_EQ(Job::percent_hundredths(1, 8), 1250);
  EXPECT_EQ(Job::percent_hundredths(1, 1), 10'000);
  EXPECT_EQ(Job::percent_hundredths(0, kTotalMax), 0);
  EXPECT_EQ(Job::percent_hundredths(kTotalMax, kTotalMax), 10'000);
  EXPECT_EQ(Job::percent_hundredths(kTotalMax / 2, kTotalMax), 5'000);
}

TEST(Job, PercentNeverFallsAsDoneRises) {
  for (const std::int64_t total : {1, 3, 7, 99, 101, 10'007}) {
    std::int64_t before = 0;
    for (std::int64_t done = 0; done <= total; ++done) {
      const std::int64_t percent = Job::percent_hundredths(done, total);
      ASSERT_GE(percent, before);
      ASSERT_LE(percent, 10'000);
      before = percent;
    }
    EXPECT_EQ(before, 10'000);
  }
}

TEST(Job, OnlyTheLastStepIsLonger) {
  JobSpec spec = job_spec("a", Runner::kTimer, 3);
  spec.step_ms = 10;
  spec.last_step_more_ms = 4;
  EXPECT_EQ(spec.step_ms_to(1), 10);
  EXPECT_EQ(spec.step_ms_to(2), 10);
  EXPECT_EQ(spec.step_ms_to(3), 14);
}

TEST(Job, StatesAndRunnersHaveTheirNames) {
  const std::vector<std::string_view> states{"pending", "active", "completed", "failed",
                                             "cancelled"};
  ASSERT_EQ(states.size(), kStates);
  for (std::size_t i = 0; i < kStates; ++i) {
    EXPECT_EQ(state_name(static_cast<State>(i)), states[i]);
    EXPECT_EQ(state_of_name(states[i]), static_cast<State>(i));
    EXPECT_EQ(is_terminal(static_cast<State>(i)), i >= 2);
  }
  for (const Runner runner : {Runner::kCpu, Runner::kTimer, Runner::kExternal}) {
    EXPECT_EQ(runner_of_name(runner_name(runner)), runner);
  }
  EXPECT_FALSE(state_of_name("Active"));
  EXPECT_FALSE(state_of_name(""));
  EXPECT_FALSE(runner_of_name("gpu"));
}

TEST(Job, IsNamedAsATopic) {
  const Job job(job_spec("a~1", Runner::kTimer), kSomeDay, 7);
  EXPECT_EQ(job.topic_name(), "job:a~1");
  EXPECT_EQ(job.topic.id(), 7u);
}

TEST(RateEstimate, IsUnknownUntilTimeHasPassed) {
  RateEstimate rate;
  rate.start(kSomeDay);
  EXPECT_EQ(rate.per_second(), 0);
  rate.add(5, kSomeDay);
  EXPECT_EQ(rate.per_second(), 0);
  rate.add(5, kSomeDay + 1000);
  EXPECT_DOUBLE_EQ(rate.per_second(), 10);
}

TEST(RateEstimate, StaysAtASteadyPace) {
  RateEstimate rate;
  rate.start(kSomeDay);
  for (int i = 1; i <= 100; ++i) rate.add(1, kSomeDay + 100 * i);
  EXPECT_NEAR(rate.per_second(), 10, 1e-9);
}

TEST(RateEstimate, FollowsAChangeOfPace) {
  RateEstimate rate;
  rate.start(kSomeDay);
  Millis at = kSomeDay;
  for (int i = 0; i < 100; ++i) rate.add(1, at += 100);
  for (int i = 0; i < 50; ++i) rate.add(10, at += 100);
  EXPECT_NEAR(rate.per_second(), 10 + 90 * 0.632, 1);  // after 5 s two thirds are believed
  for (int i = 0; i < 500; ++i) rate.add(10, at += 100);
  EXPECT_NEAR(rate.per_second(), 100, 1);
}

TEST(RateEstimate, SurvivesAClockThatIsSetBack) {
  RateEstimate rate;
  rate.start(kSomeDay);
  rate.add(10, kSomeDay + 1000);
  for (int i = 0; i < 10; ++i) rate.add(10, kSomeDay - 3'600'000 + 1000 * i);
  EXPECT_NEAR(rate.per_second(), 10, 1e-9);
}

class Eta : public ::testing::Test {
 protected:
  /// Active for a second in which `done` rose to this.
  static void run(Job& job, std::int64_t done) {
    job.state = State::kActive;
    job.rate.start(kSomeDay);
    job.rate.add(done, kSomeDay + 1000);
    job.done = done;
  }
};

TEST_F(Eta, IsWhatIsLeftAtThePresentRateRoundedUp) {
  Job job(job_spec("a", Runner::kTimer, 100), kSomeDay, 1);
  EXPECT_EQ(job.eta_seconds(), -1);
  run(job, 30);
  EXPECT_EQ(job.eta_seconds(), 3);  // 70 at 30 a second
}

TEST_F(Eta, CountsTheRoundsThatFollow) {
  JobSpec spec = job_spec("a", Runner::kTimer, 100);
  spec.repeat = 3;
  Job job(spec, kSomeDay, 1);
  run(job, 50);
  EXPECT_EQ(job.eta_seconds(), 5);  // 250 at 50 a second
  job.rounds = 1;
  job.done = 100;  // the end of the first, which is counted
  EXPECT_EQ(job.eta_seconds(), 4);
}

TEST_F(Eta, IsUnknownForAJobWithoutAnEndAndForOneThatFailed) {
  JobSpec spec = job_spec("a", Runner::kTimer, 100);
  spec.repeat = 0;
  Job endless(spec, kSomeDay, 1);
  run(endless, 50);
  EXPECT_EQ(endless.eta_seconds(), -1);
  Job failed(job_spec("b", Runner::kTimer, 100), kSomeDay, 2);
  run(failed, 50);
  failed.state = State::kFailed;
  EXPECT_EQ(failed.eta_seconds(), -1);
}

TEST_F(Eta, OfAnExternalJobKnowsNoRounds) {
  for (const std::int64_t repeat : {0, 1, 5}) {
    JobSpec spec = job_spec("a", Runner::kExternal, 100);
    spec.repeat = repeat;
    Job job(spec, kSomeDay, 1);
    run(job, 50);
    EXPECT_EQ(job.eta_seconds(), 1);
    job.done = 100;  // all of it, and its worker has not said yet that it is over
    EXPECT_EQ(job.eta_seconds(), 0);
  }
}

TEST_F(Eta, IsZeroOnceCompletedAndBoundedBefore) {
  Job job(job_spec("a", Runner::kExternal, kTotalMax), kSomeDay, 1);
  run(job, 1);
  EXPECT_EQ(job.eta_seconds(), 2'000'000'000);
  job.state = State::kCompleted;
  EXPECT_EQ(job.eta_seconds(), 0);
}

}  // namespace
}  // namespace progressd

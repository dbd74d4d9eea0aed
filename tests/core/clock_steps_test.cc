// Somebody sets the wall clock, by a day either way: what people read says so, and no age is
// another.
#include <gtest/gtest.h>

#include "core/channels/channel_table.h"
#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::DrivenTable;
using testing::error_of;
using testing::job_spec;
using testing::ManualClock;
using testing::report_done;
using testing::report_state;

constexpr Millis kHourMs = 3'600'000;
constexpr Millis kDayMs = 24 * kHourMs;

/// Each test once with a step forward, once with one back.
class ClockSteps : public ::testing::TestWithParam<Millis> {
 protected:
  /// The table's changes come now.
  DrivenTable& now() {
    table_.at = clock_.now();
    return table_;
  }
  void step() { clock_.step(GetParam()); }

  ManualClock clock_;
  DrivenTable table_;
};
INSTANTIATE_TEST_SUITE_P(ByADay, ClockSteps, ::testing::Values(kDayMs, -kDayMs));

TEST_P(ClockSteps, AJobStallsAfterItsOwnTime) {
  JobSpec spec = job_spec("a", Runner::kExternal);
  spec.stall_after_ms = 60'000;
  now().create(spec);
  clock_.advance(1'000);
  now().report("a", report_done(1));
  step();
  clock_.advance(59'999);
  EXPECT_EQ(error_of(now().change(ChangeKind::kStall, "a")), Errc::kConflict);
  clock_.advance(1);
  EXPECT_EQ(error_of(now().change(ChangeKind::kStall, "a")), std::nullopt);
}

TEST_P(ClockSteps, AJobIsOverForAsLongAsItIs) {
  now().create(job_spec("a", Runner::kExternal));
  const Millis created_at = clock_.wall_at();
  step();
  now().report("a", report_state(State::kCompleted));
  const Job& job = *table_.jobs.find("a");
  EXPECT_EQ(job.created_at, created_at);
  EXPECT_EQ(job.finished_at, created_at + GetParam()) << "people read the clock as it is";
  const auto is_old = [&] {
    return table_.jobs.oldest_finished(clock_.steady_at() - kHourMs) != nullptr;
  };
  clock_.step(-GetParam());
  clock_.advance(kHourMs - 1);
  EXPECT_FALSE(is_old());
  clock_.advance(1);
  EXPECT_TRUE(is_old());
}

TEST_P(ClockSteps, JobsAreForgottenInTheOrderOfTheirEnd) {
  for (const char* id : {"a", "b"}) now().create(job_spec(id, Runner::kExternal));
  now().change(ChangeKind::kCancel, "a");
  step();
  clock_.advance(1);
  now().change(ChangeKind::kCancel, "b");
  EXPECT_EQ(table_.jobs.oldest_finished(clock_.steady_at())->spec.id, "a");
}

TEST_P(ClockSteps, AnIdempotencyKeyLivesADay) {
  const IdempotencyKey key{"k", sha256("body")};
  now().create(job_spec("a", Runner::kTimer), key);
  step();
  clock_.advance(kDayMs - 1);
  EXPECT_TRUE(now().create(job_spec("b", Runner::kTimer), key).existing);
  clock_.advance(1);
  EXPECT_FALSE(now().create(job_spec("c", Runner::kTimer), key).existing);
}

TEST_P(ClockSteps, RateAndEtaGoOn) {
  now().create(job_spec("a", Runner::kTimer, 1'000));
  const auto steps = [&](int count) {
    for (int i = 0; i < count; ++i) {
      clock_.advance(100);
      now().change(ChangeKind::kStep, "a");
    }
  };
  now().change(ChangeKind::kStart, "a");
  steps(100);
  step();
  steps(1);
  const Job& job = *table_.jobs.find("a");
  EXPECT_NEAR(job.rate.per_second(), 10, 1e-6);
  EXPECT_EQ(job.eta_seconds(), 90);
}

TEST_P(ClockSteps, AChannelIsForgottenWhenNobodyPostedForItsTime) {
  ChannelTable channels{ChannelLimits{}};
  Change post = make_change(ChangeKind::kChannelPost, "ann", clock_.now());
  post.value = ChannelValue{Text("{}"), ""};
  ASSERT_TRUE(channels.post(1, post));
  step();
  const auto forget = [&] {
    return channels.take(
        make_change(ChangeKind::kChannelForget, "ann", clock_.steady_at() - kHourMs));
  };
  clock_.advance(kHourMs - 1);
  EXPECT_EQ(forget(), nullptr);
  clock_.advance(1);
  EXPECT_NE(forget(), nullptr);
}

}  // namespace
}  // namespace progressd

#include "core/byte_budget.h"

#include <gtest/gtest.h>

#include "core/journal/memory.h"
#include "tests/core/journal/changes.h"

namespace progressd {
namespace {

using testing::creation;
using testing::job_spec;
using testing::kSomeDay;
using testing::report_done;
using testing::report_state;

class ByteBudgetTest : public ::testing::Test {
 protected:
  /// What is there, counted anew.
  std::size_t counted() const {
    std::size_t bytes = 0;
    for (const auto& [sequence, job] : jobs.all()) {
      bytes += job->held_bytes() + job->topic.held_bytes();
    }
    for (const Channel* channel : channels.by_age()) bytes += channel->held_bytes();
    return bytes;
  }
  void commit(Change change) {
    ledger.commit(std::move(change),
                  [](std::span<const Outcome> outcomes) { EXPECT_FALSE(outcomes.front().error); });
  }
  void create(std::string id, std::size_t result_bytes = 0) {
    JobSpec spec = job_spec(std::move(id), Runner::kExternal);
    if (result_bytes > 0) spec.result = Text(std::string(result_bytes, '7'));
    commit(creation(std::move(spec), kSomeDay));
  }
  bool takes(const std::string& id, const Report& report) const {
    return !budget.refusal(id, report).has_value();
  }
  static Report with_result(Report report, std::size_t bytes) {
    report.result = Text(std::string(bytes, '7'));
    return report;
  }
  static Report with_message(Report report, std::string_view message) {
    report.message = Text(message);
    return report;
  }

  testing::Chance chance{testing::test_seed()};
  MemoryJournal journal{chance};
  JobTable jobs{JobTableLimits{}};
  ChannelTable channels{ChannelLimits{}};
  testing::RecordingSink sink;
  Hub hub{{.events_max = 16, .bytes_max = 100}, sink};
  Ledger ledger{journal, jobs, channels, hub};
  ByteBudget budget{ledger, jobs, 1};  // full as soon as there is anything
};

TEST_F(ByteBudgetTest, WhatIsHeldIsWhatIsThereWhateverHappened) {
  const std::uint64_t seed = testing::test_seed();
  SCOPED_TRACE(testing::seed_note(seed));
  testing::Chance dice{seed};
  Moment at = kSomeDay;
  for (int i = 0; i < 5'000; ++i) {
    if (i == 2'000) hub.use_history({.events_max = 3});
    if (i == 3'000) hub.use_history({.events_max = 0});
    if (i == 3'500) hub.use_history({});
    ledger.commit(testing::random_change(dice, at), [](const auto&) {});
    ASSERT_EQ(ledger.held_bytes(), counted()) << i;
  }
  std::vector<Change> removals;
  for (const auto& [sequence, job] : jobs.all()) {
    for (const ChangeKind kind : {ChangeKind::kCancel, ChangeKind::kDelete}) {
      removals.push_back(make_change(kind, job->spec.id, at));
    }
  }
  for (const Channel* channel : channels.by_age()) {
    removals.push_back(make_change(ChangeKind::kChannelClear, channel->user, at));
  }
  ledger.commit(std::move(removals), [](const auto&) {});
  EXPECT_EQ(ledger.held_bytes(), 0u);
}

TEST_F(ByteBudgetTest, HistoriesOfJobsAndChannelsCount) {
  create("a");
  const std::size_t before = ledger.held_bytes();
  for (int i = 0; i < 3; ++i) {
    Change report = make_change(ChangeKind::kReport, "a", kSomeDay);
    report.report = with_message({}, std::string(20, static_cast<char>('a' + i)));
    commit(std::move(report));
  }
  EXPECT_EQ(ledger.held_bytes(), before + 60);
  for (int i = 0; i < 3; ++i) {  // the same again is held once
    Change report = make_change(ChangeKind::kReport, "a", kSomeDay);
    report.report = with_message(report_done(i), std::string(20, 'c'));
    commit(std::move(report));
  }
  EXPECT_LT(ledger.held_bytes(), before + 60 + 16 * sizeof(Event));
  const std::size_t without = ledger.held_bytes();
  Change post = make_change(ChangeKind::kChannelPost, "ann", kSomeDay);
  post.value = ChannelValue{Text(std::string(50, '7')), ""};
  commit(std::move(post));
  EXPECT_GT(ledger.held_bytes(), without + 50 + sizeof(Channel));
}

TEST_F(ByteBudgetTest, TheReasonOfAFailureCounts) {
  create("a");
  const std::size_t before = ledger.held_bytes();
  Change report = make_change(ChangeKind::kReport, "a", kSomeDay);
  report.report.emplace();
  report.report->state = State::kFailed;
  report.report->failed_reason = Text(std::string(4'096, 'r'));
  commit(std::move(report));
  EXPECT_GE(ledger.held_bytes(), before + 4'096);
}

TEST_F(ByteBudgetTest, WithRoomAnythingIsTaken) {
  EXPECT_FALSE(budget.refusal()) << "there is nothing yet";
  create("a", 1'000);
  EXPECT_EQ(budget.refusal()->code, Errc::kOverloaded);
  EXPECT_NE(budget.refusal()->detail.find("--max-job-bytes"), std::string::npos);
  for (const std::size_t bytes_max : {std::size_t{0}, ledger.held_bytes() + 1}) {
    budget.use_bytes_max(bytes_max);
    EXPECT_FALSE(budget.refusal());
    EXPECT_TRUE(takes("a", with_result({}, 100'000)));
  }
  budget.use_bytes_max(ledger.held_bytes());
  EXPECT_TRUE(budget.refusal());
}

TEST_F(ByteBudgetTest, WithoutRoomAReportIsTakenThatAddsNothing) {
  create("a");
  Change reported = make_change(ChangeKind::kReport, "a", kSomeDay);
  reported.report = with_message(with_result(report_done(5), 6'000), "page 7");
  commit(std::move(reported));
  EXPECT_TRUE(takes("a", report_done(9)));
  EXPECT_TRUE(takes("a", with_message(report_done(9), "page 7")));
  EXPECT_FALSE(takes("a", with_message(report_done(9), "page 8"))) << "the history keeps both";
  EXPECT_TRUE(takes("a", with_result(report_done(9), 6'000)));
  EXPECT_FALSE(takes("a", with_result(report_done(9), 6'001)));
}

TEST_F(ByteBudgetTest, WithoutRoomAJobStillEnds) {
  create("a");
  for (const State end : {State::kCompleted, State::kFailed}) {
    EXPECT_TRUE(takes("a", with_message(report_state(end), std::string(4'096, 'm'))));
    EXPECT_TRUE(takes("a", with_result(report_state(end), ByteBudget::kEndResultBytesMax)));
    EXPECT_FALSE(takes("a", with_result(report_state(end), ByteBudget::kEndResultBytesMax + 1)));
  }
  EXPECT_FALSE(takes("a", with_result(report_state(State::kActive), 1)));
}

TEST_F(ByteBudgetTest, WhatIsWrongOtherwiseIsForTheTableToSay) {
  create("a");
  commit(make_change(ChangeKind::kCancel, "a", kSomeDay));
  EXPECT_TRUE(takes("a", with_result({}, 100)));
  EXPECT_TRUE(takes("nobody", with_result({}, 100)));
}

}  // namespace
}  // namespace progressd

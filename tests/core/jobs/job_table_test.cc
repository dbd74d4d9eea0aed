#include "core/jobs/job_table.h"

#include <gtest/gtest.h>

#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::DrivenTable;
using testing::error_of;
using testing::job_spec;
using testing::report_done;
using testing::report_state;

constexpr std::array<State, kStates> kAllStates{State::kPending, State::kActive, State::kCompleted,
                                                State::kFailed, State::kCancelled};

/// An external job `a` of 100 that has come to `state`.
DrivenTable table_with(State state) {
  DrivenTable table;
  table.create(job_spec("a", Runner::kExternal));
  if (state == State::kCancelled) {
    table.change(ChangeKind::kCancel, "a");
  } else if (state != State::kPending) {
    table.report("a", report_state(state));
  }
  EXPECT_EQ(table.jobs.find("a")->state, state);
  return table;
}

TEST(JobTable, RemovedJobsAreKeptWithinABoundOfBytes) {
  JobTableLimits limits;
  limits.removed_bytes_max = 30'000;
  DrivenTable table(limits);
  const auto remove_one = [&](const std::string& id, std::size_t result_bytes) {
    JobSpec spec = job_spec(id, Runner::kExternal);
    spec.result = Text(std::string(result_bytes, 'x'));
    table.create(std::move(spec));
    table.change(ChangeKind::kCancel, id);
    table.change(ChangeKind::kDelete, id);
  };
  for (const char* id : {"a", "b", "c"}) remove_one(id, 10'000);
  ASSERT_EQ(table.jobs.removed().size(), 2U);
  EXPECT_EQ(table.jobs.removed().front()->spec.id, "b");
  EXPECT_FALSE(table.jobs.retains_removed_after(0));
  remove_one("d", 100'000);
  ASSERT_EQ(table.jobs.removed().size(), 1U) << "the one that was removed just now is always kept";
  remove_one("e", 0);
  remove_one("f", 0);
  EXPECT_EQ(table.jobs.removed().size(), 2U) << "and then it goes";
}

TEST(JobTable, WhatAnOwnersJobsTakeFollowsTheirTexts) {
  DrivenTable table;
  JobSpec spec = job_spec("a", Runner::kExternal);
  spec.result = Text(std::string(1'000, 'x'));
  const std::string owner = spec.owner;
  EXPECT_EQ(table.jobs.bytes_of(owner), 0U);
  table.create(std::move(spec));
  table.create(job_spec("b", Runner::kExternal));
  const std::size_t at_first = table.jobs.bytes_of(owner);
  EXPECT_GT(at_first, 1'000 + 2 * sizeof(Job));
  Report report;
  report.result = Text(std::string(5'000, 'y'));
  table.report("b", report);
  EXPECT_EQ(table.jobs.bytes_of(owner), at_first + 5'000);
  table.report("a", report_state(State::kCompleted));
  EXPECT_EQ(table.jobs.bytes_of(owner), at_first + 5'000) << "its result is the one from its start";
  table.change(ChangeKind::kCancel, "b");
  table.change(ChangeKind::kDelete, "b");
  table.change(ChangeKind::kDelete, "a");
  EXPECT_EQ(table.jobs.bytes_of(owner), 0U);
}

TEST(JobTable, ReportsMoveAJobAlongTheTransitionTable) {
  // What a report of the column's state does to a job in the row's: the new state, or an error.
  using S = State;
  const auto no = std::optional<State>();
  const std::array<std::array<std::optional<State>, 4>, kStates> allowed{{
      // pending     active      completed      failed
      {S::kPending, S::kActive, S::kCompleted, S::kFailed},  // pending
      {no, S::kActive, S::kCompleted, S::kFailed},           // active
      {no, no, no, no},                                      // completed
      {no, no, no, no},                                      // failed
      {no, no, no, no},                                      // cancelled
  }};
  for (std::size_t from = 0; from < kStates; ++from) {
    for (std::size_t to = 0; to < 4; ++to) {
      DrivenTable table = table_with(kAllStates[from]);
      const Outcome outcome = table.report("a", report_state(kAllStates[to]));
      SCOPED_TRACE(std::string(state_name(kAllStates[from])) + " to " +
                   std::string(state_name(kAllStates[to])));
      EXPECT_EQ(error_of(outcome),
                allowed[from][to] ? std::nullopt : std::optional(Errc::kConflict));
      EXPECT_EQ(table.jobs.find("a")->state, allowed[from][to].value_or(kAllStates[from]));
    }
  }
}

TEST(JobTable, CancelEndsWhatIsAliveAndIsRefusedAfterwards) {
  for (const State state : kAllStates) {
    DrivenTable table = table_with(state);
    const Outcome outcome = table.change(ChangeKind::kCancel, "a");
    if (is_terminal(state)) {
      EXPECT_EQ(error_of(outcome), Errc::kConflict);
      EXPECT_EQ(table.jobs.find("a")->state, state);
    } else {
      ASSERT_FALSE(outcome.error);
      EXPECT_EQ(outcome.event->type, EventType::kCancelled);
      EXPECT_TRUE(outcome.event->state_changed);
      EXPECT_EQ(table.jobs.find("a")->state, State::kCancelled);
      EXPECT_EQ(table.jobs.find("a")->finished_at, table.at.wall);
    }
  }
}

TEST(JobTable, NothingChangesATerminalJob) {
  for (const State state : {State::kCompleted, State::kFailed, State::kCancelled}) {
    DrivenTable table = table_with(state);
    const Job& job = *table.jobs.find("a");
    const Sequence last = job.last_sequence;
    table.at += 1000;
    Report report = report_done(100);
    report.message = Text("late");
    EXPECT_EQ(error_of(table.report("a", std::move(report))), Errc::kConflict);
    for (const ChangeKind kind : {ChangeKind::kStart, ChangeKind::kStall, ChangeKind::kCancel}) {
      EXPECT_EQ(error_of(table.change(kind, "a")), Errc::kConflict);
    }
    EXPECT_EQ(job.last_sequence, last);
    EXPECT_TRUE(job.message.is_null());
    EXPECT_EQ(job.finished_at, table.at.wall - 1000);
  }
}

TEST(JobTable, DoneAboveZeroMakesAJobActive) {
  DrivenTable table = table_with(State::kPending);
  EXPECT_FALSE(table.report("a", report_done(0)).event);
  EXPECT_EQ(table.jobs.find("a")->state, State::kPending);
  const Outcome outcome = table.report("a", report_done(1));
  EXPECT_EQ(outcome.event->type, EventType::kProgress);
  EXPECT_TRUE(outcome.event->state_changed);
  EXPECT_EQ(table.jobs.find("a")->state, State::kActive);
  EXPECT_EQ(table.jobs.find("a")->started_at, table.at.wall);
  EXPECT_FALSE(table.report("a", report_done(2)).event->state_changed);
}

TEST(JobTable, DoneIsBoundedByTotalAndNeverGoesBack) {
  DrivenTable table = table_with(State::kPending);
  EXPECT_EQ(error_of(table.report("a", report_done(101))), Errc::kInvalid);
  EXPECT_EQ(table.jobs.find("a")->state, State::kPending);
  EXPECT_FALSE(table.report("a", report_done(100)).error);
  EXPECT_EQ(table.jobs.find("a")->state, State::kActive);
  EXPECT_EQ(error_of(table.report("a", report_done(99))), Errc::kInvalid);
  EXPECT_EQ(table.jobs.find("a")->done, 100);
}

TEST(JobTable, TotalMayChangeButNotBelowDone) {
  DrivenTable table = table_with(State::kPending);
  table.report("a", report_done(50));
  Report less;
  less.total = 49;
  const Outcome refused = table.report("a", std::move(less));
  ASSERT_EQ(error_of(refused), Errc::kInvalid);
  EXPECT_EQ(refused.error->detail.substr(0, 6), "total:");
  Report more = report_done(150);
  more.total = 200;
  EXPECT_FALSE(table.report("a", std::move(more)).error);
  EXPECT_EQ(table.jobs.find("a")->total, 200);
  EXPECT_EQ(table.jobs.find("a")->done, 150);
}

TEST(JobTable, ARefusedReportChangesNothingAtAll) {
  DrivenTable table = table_with(State::kPending);
  table.report("a", report_done(10));
  Report bad = report_done(5);
  bad.message = Text("no");
  bad.result = Text("1");
  bad.total = 500;
  EXPECT_EQ(error_of(table.report("a", std::move(bad))), Errc::kInvalid);
  const Job& job = *table.jobs.find("a");
  EXPECT_EQ(job.total, 100);
  EXPECT_TRUE(job.message.is_null());
  EXPECT_TRUE(job.result.is_null());
}

TEST(JobTable, CompletingSetsDoneToTotal) {
  DrivenTable table = table_with(State::kPending);
  Report report = report_done(7);
  report.state = State::kCompleted;
  const Outcome outcome = table.report("a", std::move(report));
  EXPECT_EQ(outcome.event->type, EventType::kCompleted);
  EXPECT_EQ(outcome.event->done, 100);
  EXPECT_EQ(table.jobs.find("a")->done, 100);
}

TEST(JobTable, FailingKeepsDoneAndTakesTheReason) {
  DrivenTable table = table_with(State::kActive);
  table.report("a", report_done(7));
  Report report = report_state(State::kFailed);
  report.failed_reason = Text("disk full");
  EXPECT_EQ(table.report("a", std::move(report)).event->type, EventType::kFailed);
  EXPECT_EQ(table.jobs.find("a")->done, 7);
  EXPECT_EQ(table.jobs.find("a")->failed_reason.view(), "disk full");
}

TEST(JobTable, AnActiveReportOfPendingWithDoneIsRefused) {
  DrivenTable table = table_with(State::kPending);
  Report report = report_done(1);
  report.state = State::kPending;
  EXPECT_EQ(error_of(table.report("a", std::move(report))), Errc::kInvalid);
}

TEST(JobTable, ANewMessageIsProgressAndTheSameAgainIsSilence) {
  DrivenTable table = table_with(State::kActive);
  Report first, again;
  first.message = again.message = Text("halfway");
  const Outcome told = table.report("a", std::move(first));
  EXPECT_EQ(told.event->type, EventType::kProgress);
  EXPECT_EQ(told.event->message.view(), "halfway");
  EXPECT_TRUE(told.event->conflatable());
  const Outcome silent = table.report("a", std::move(again));
  EXPECT_FALSE(silent.error);
  EXPECT_FALSE(silent.event);
  EXPECT_EQ(table.jobs.find("a")->last_sequence, told.event->sequence);
}

TEST(JobTable, OnlyExternalJobsAreReportedOn) {
  for (const Runner runner : {Runner::kCpu, Runner::kTimer}) {
    DrivenTable table;
    table.create(job_spec("a", runner));
    EXPECT_EQ(error_of(table.report("a", report_done(1))), Errc::kConflict);
    EXPECT_EQ(table.jobs.find("a")->done, 0);
  }
  DrivenTable table = table_with(State::kActive);
  EXPECT_EQ(error_of(table.change(ChangeKind::kStep, "a")), Errc::kConflict);
}

TEST(JobTable, IfMatchHoldsForTheLatestEventOnly) {
  DrivenTable table = table_with(State::kActive);
  const Sequence latest = table.jobs.find("a")->last_sequence;
  const auto report_if = [&](std::vector<Sequence> if_match) {
    Change change = testing::reporting("a", report_done(1), table.at);
    change.if_match = std::move(if_match);
    return error_of(table.apply(change));
  };
  EXPECT_EQ(report_if({latest - 1}), Errc::kPreconditionFailed);
  EXPECT_EQ(report_if({}), Errc::kPreconditionFailed);
  EXPECT_EQ(table.jobs.find("a")->done, 0);
  EXPECT_EQ(report_if({latest - 1, latest}), std::nullopt);
}

/// As DELETE asks for it: a cancellation and a removal, in one commit, held to the same event.
std::optional<Errc> remove_if(DrivenTable& table, Sequence if_match) {
  Change change = make_change(ChangeKind::kCancel, "a", table.at);
  change.if_match = {if_match};
  static_cast<void>(table.apply(change));
  change.kind = ChangeKind::kDelete;
  return error_of(table.apply(change));
}

TEST(JobTable, ACancellationAndARemovalAreHeldToIfMatchToo) {
  DrivenTable table = table_with(State::kActive);
  const Sequence seen = table.jobs.find("a")->last_sequence;
  table.report("a", report_done(1));  // in the same commit, say
  Change cancel = make_change(ChangeKind::kCancel, "a", table.at);
  cancel.if_match = {seen};
  EXPECT_EQ(error_of(table.apply(cancel)), Errc::kPreconditionFailed);
  EXPECT_EQ(remove_if(table, seen), Errc::kPreconditionFailed);
  EXPECT_EQ(table.jobs.find("a")->state, State::kActive);
  EXPECT_EQ(remove_if(table, table.jobs.find("a")->last_sequence), std::nullopt);
  EXPECT_EQ(table.jobs.find("a"), nullptr);
}

TEST(JobTable, ARemovalOfOneThatIsOverIsHeldToIfMatch) {
  DrivenTable table = table_with(State::kActive);
  const Sequence seen = table.jobs.find("a")->last_sequence;
  table.change(ChangeKind::kCancel, "a");
  EXPECT_EQ(remove_if(table, seen), Errc::kPreconditionFailed);
  ASSERT_NE(table.jobs.find("a"), nullptr);
  EXPECT_EQ(remove_if(table, table.jobs.find("a")->last_sequence), std::nullopt);
}

TEST(JobTable, UnknownJobsAreNotFound) {
  DrivenTable table;
  EXPECT_EQ(error_of(table.report("a", report_done(1))), Errc::kNotFound);
  for (const ChangeKind kind : {ChangeKind::kStart, ChangeKind::kStep, ChangeKind::kStall,
                                ChangeKind::kCancel, ChangeKind::kDelete, ChangeKind::kForget}) {
    EXPECT_EQ(error_of(table.change(kind, "a")), Errc::kNotFound);
  }
}

TEST(JobTable, AnIdIsTakenUntilItsJobIsRemoved) {
  DrivenTable table = table_with(State::kCompleted);
  EXPECT_EQ(error_of(table.create(job_spec("a", Runner::kTimer))), Errc::kConflict);
  EXPECT_EQ(table.jobs.find("a")->spec.runner, Runner::kExternal);
  table.change(ChangeKind::kDelete, "a");
  EXPECT_FALSE(table.create(job_spec("a", Runner::kTimer)).error);
  EXPECT_EQ(table.jobs.find("a")->spec.runner, Runner::kTimer);
}

TEST(JobTable, HoldsNoMoreJobsThanItsBound) {
  JobTableLimits limits;
  limits.jobs_max = 1;
  DrivenTable table(limits);
  EXPECT_FALSE(table.create(job_spec("a", Runner::kExternal)).error);
  EXPECT_EQ(error_of(table.create(job_spec("b", Runner::kExternal))), Errc::kOverloaded);
  EXPECT_EQ(table.jobs.size(), 1u);
}

TEST(JobTable, AnEventSaysWhetherItChangedTheMessage) {
  DrivenTable table;
  table.create(job_spec("a", Runner::kExternal));
  Report report = report_done(1);
  EXPECT_FALSE(table.report("a", report).event->message_changed);
  report.done = 2;
  report.message = Text("reading");
  EXPECT_TRUE(table.report("a", report).event->message_changed);
  report.done = 3;
  EXPECT_FALSE(table.report("a", report).event->message_changed);  // the same again
  report.message = Text("writing");
  EXPECT_TRUE(table.report("a", report).event->message_changed);
}

TEST(JobTable, AJobStallsWhenNobodyReportsForItsTime) {
  JobSpec spec = job_spec("a", Runner::kExternal);
  spec.stall_after_ms = 1000;
  DrivenTable table;
  table.create(spec);
  table.at += 999;
  EXPECT_EQ(error_of(table.change(ChangeKind::kStall, "a")), Errc::kConflict);
  table.report("a", Report{});  // says nothing new, but somebody is there
  table.at += 999;
  EXPECT_EQ(error_of(table.change(ChangeKind::kStall, "a")), Errc::kConflict);
  table.at += 1;
  const Outcome outcome = table.change(ChangeKind::kStall, "a");
  EXPECT_EQ(outcome.event->type, EventType::kFailed);
  EXPECT_EQ(outcome.job->failed_reason.view(), "stalled");
}

TEST(JobTable, ARefusedReportIsNoSignOfLife) {
  JobSpec spec = job_spec("a", Runner::kExternal);
  spec.stall_after_ms = 1000;
  DrivenTable table;
  table.create(spec);
  table.at += 500;
  EXPECT_TRUE(table.report("a", report_done(101)).error);
  table.at += 500;
  EXPECT_FALSE(table.change(ChangeKind::kStall, "a").error);
}

TEST(JobTable, AJobWithoutAStallTimeNeverStalls) {
  DrivenTable table = table_with(State::kActive);
  table.at += 1'000'000'000'000;
  EXPECT_EQ(error_of(table.change(ChangeKind::kStall, "a")), Errc::kConflict);
}

}  // namespace
}  // namespace progressd

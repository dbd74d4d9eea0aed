// Built-in jobs, keys, and what is left of a job that was removed.
#include <gtest/gtest.h>

#include "core/jobs/job_table.h"
#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::DrivenTable;
using testing::error_of;
using testing::job_spec;

constexpr Millis kDayMs = 86'400'000;

IdempotencyKey key(std::string name, std::string_view body) {
  return {std::move(name), sha256(body)};
}

TEST(BuiltInJob, StartsStepsAndCompletesAtTotal) {
  DrivenTable table;
  JobSpec spec = job_spec("a", Runner::kTimer, 3);
  spec.result = Text("[7]");
  table.create(spec);
  const Outcome started = table.change(ChangeKind::kStart, "a");
  EXPECT_EQ(started.event->type, EventType::kProgress);
  EXPECT_FALSE(started.event->conflatable());
  EXPECT_FALSE(table.change(ChangeKind::kStart, "a").event);
  for (std::int64_t done = 1; done <= 2; ++done) {
    const Outcome step = table.change(ChangeKind::kStep, "a");
    EXPECT_EQ(step.event->done, done);
    EXPECT_TRUE(step.event->conflatable());
    EXPECT_TRUE(step.job->result.is_null());
  }
  const Outcome last = table.change(ChangeKind::kStep, "a");
  EXPECT_EQ(last.event->type, EventType::kCompleted);
  EXPECT_EQ(last.event->done, 3);
  EXPECT_EQ(last.job->result.view(), "[7]");
  EXPECT_EQ(error_of(table.change(ChangeKind::kStep, "a")), Errc::kConflict);
}

TEST(BuiltInJob, ARepeatedRoundShowsItsEndThenStartsAtZero) {
  DrivenTable table;
  JobSpec spec = job_spec("a", Runner::kTimer, 2);
  spec.repeat = 2;
  table.create(spec);
  std::vector<std::int64_t> done;
  Outcome step;
  while (step = table.change(ChangeKind::kStep, "a"), !step.error) {
    done.push_back(step.event->done);
    ASSERT_LE(done.size(), 10u);
    EXPECT_EQ(step.event->type, done.size() < 5 ? EventType::kProgress : EventType::kCompleted);
  }
  EXPECT_EQ(done, (std::vector<std::int64_t>{1, 2, 0, 1, 2}));
}

TEST(BuiltInJob, RepeatZeroNeverEnds) {
  DrivenTable table;
  JobSpec spec = job_spec("a", Runner::kTimer, 3);
  spec.repeat = 0;
  table.create(spec);
  for (int i = 1; i <= 1000; ++i) {
    const Outcome step = table.change(ChangeKind::kStep, "a");
    ASSERT_EQ(step.event->type, EventType::kProgress);
    ASSERT_EQ(step.event->done, i % 4);
  }
  EXPECT_EQ(table.jobs.find("a")->rounds, 250);
}

TEST(BuiltInJob, FailsAtItsStepWithItsReason) {
  DrivenTable table;
  JobSpec spec = job_spec("a", Runner::kCpu, 3);
  spec.fail_at = 2;
  spec.failed_reason = Text("out of luck");
  spec.result = Text("1");
  table.create(spec);
  EXPECT_EQ(table.change(ChangeKind::kStep, "a").event->type, EventType::kProgress);
  const Outcome failed = table.change(ChangeKind::kStep, "a");
  EXPECT_EQ(failed.event->type, EventType::kFailed);
  EXPECT_EQ(failed.event->done, 2);
  EXPECT_EQ(failed.job->failed_reason.view(), "out of luck");
  EXPECT_TRUE(failed.job->result.is_null());
}

TEST(BuiltInJob, FailsAtTotalInsteadOfCompleting) {
  DrivenTable table;
  JobSpec spec = job_spec("a", Runner::kTimer, 1);
  spec.fail_at = 1;
  table.create(spec);
  const Outcome failed = table.change(ChangeKind::kStep, "a");
  EXPECT_EQ(failed.event->type, EventType::kFailed);
  EXPECT_FALSE(failed.job->failed_reason.is_null());
}

TEST(BuiltInJob, AStepOfAPendingJobStartsIt) {
  DrivenTable table;
  table.create(job_spec("a", Runner::kTimer, 3));
  const Outcome step = table.change(ChangeKind::kStep, "a");
  EXPECT_TRUE(step.event->state_changed);
  EXPECT_EQ(step.job->state, State::kActive);
  EXPECT_EQ(step.job->started_at, table.at.wall);
}

TEST(IdempotentCreation, AnswersTheFirstJobAgain) {
  DrivenTable table;
  const Outcome first = table.create(job_spec("a", Runner::kTimer), key("k", "body"));
  const Outcome again = table.create(job_spec("b", Runner::kTimer), key("k", "body"));
  EXPECT_FALSE(first.existing);
  EXPECT_TRUE(again.existing);
  EXPECT_FALSE(again.event);
  EXPECT_EQ(again.job, first.job);
  EXPECT_EQ(table.jobs.find("b"), nullptr);
}

TEST(IdempotentCreation, AnotherBodyIsInvalidAndAnotherOwnerIsAnother) {
  DrivenTable table;
  table.create(job_spec("a", Runner::kTimer), key("k", "body"));
  EXPECT_EQ(error_of(table.create(job_spec("b", Runner::kTimer), key("k", "other"))),
            Errc::kInvalid);
  JobSpec of_bob = job_spec("b", Runner::kTimer);
  of_bob.owner = "bob";
  EXPECT_FALSE(table.create(of_bob, key("k", "other")).existing);
  EXPECT_NE(table.jobs.find("b"), nullptr);
}

TEST(IdempotentCreation, ARefusedCreationUsesNoKey) {
  DrivenTable table;
  table.create(job_spec("a", Runner::kTimer));
  EXPECT_EQ(error_of(table.create(job_spec("a", Runner::kTimer), key("k", "body"))),
            Errc::kConflict);
  const Outcome later = table.create(job_spec("b", Runner::kTimer), key("k", "other"));
  EXPECT_FALSE(later.error);
  EXPECT_FALSE(later.existing);
}

TEST(IdempotentCreation, AKeyIsFreeAfterADay) {
  DrivenTable table;
  table.create(job_spec("a", Runner::kTimer), key("k", "body"));
  table.at += kDayMs - 1;
  EXPECT_TRUE(table.create(job_spec("b", Runner::kTimer), key("k", "body")).existing);
  table.at += 1;
  EXPECT_FALSE(table.create(job_spec("b", Runner::kTimer), key("k", "body")).existing);
  EXPECT_NE(table.jobs.find("b"), nullptr);
}

TEST(IdempotentCreation, AKeyNeverAnswersALaterJobOfTheSameId) {
  DrivenTable table;
  table.create(job_spec("a", Runner::kExternal), key("k", "body"));
  table.change(ChangeKind::kCancel, "a");
  table.change(ChangeKind::kDelete, "a");
  table.create(job_spec("a", Runner::kTimer));
  const Outcome again = table.create(job_spec("c", Runner::kExternal), key("k", "body"));
  EXPECT_FALSE(again.existing);
  EXPECT_EQ(error_of(again), Errc::kConflict);
}

TEST(IdempotentCreation, KeysBeyondTheBoundAreOverload) {
  JobTableLimits limits;
  limits.idempotency_keys_max = 1;
  DrivenTable table(limits);
  table.create(job_spec("a", Runner::kTimer), key("1", "body"));
  EXPECT_EQ(error_of(table.create(job_spec("b", Runner::kTimer), key("2", "body"))),
            Errc::kOverloaded);
  EXPECT_FALSE(table.create(job_spec("b", Runner::kTimer)).error);
}

TEST(RemovedJob, MustBeOverFirst) {
  DrivenTable table;
  table.create(job_spec("a", Runner::kExternal));
  EXPECT_EQ(error_of(table.change(ChangeKind::kDelete, "a")), Errc::kConflict);
  EXPECT_EQ(error_of(table.change(ChangeKind::kForget, "a")), Errc::kConflict);
  EXPECT_NE(table.jobs.find("a"), nullptr);
}

TEST(RemovedJob, LeavesEveryIndexAndTellsItsEnd) {
  DrivenTable table;
  table.create(job_spec("a", Runner::kExternal));
  table.change(ChangeKind::kCancel, "a");
  EXPECT_EQ(table.jobs.count(State::kCancelled), 1u);
  const Outcome removed = table.change(ChangeKind::kDelete, "a");
  EXPECT_EQ(removed.event->type, EventType::kRemoved);
  EXPECT_EQ(removed.job->removed_sequence, removed.event->sequence);
  EXPECT_EQ(table.jobs.find("a"), nullptr);
  EXPECT_EQ(table.jobs.size(), 0u);
  EXPECT_EQ(table.jobs.count(State::kCancelled), 0u);
  EXPECT_TRUE(table.jobs.all().empty());
  EXPECT_EQ(table.jobs.of_owner("ann"), nullptr);
  EXPECT_EQ(table.jobs.oldest_finished(table.at.steady), nullptr);
  EXPECT_EQ(error_of(table.change(ChangeKind::kDelete, "a")), Errc::kNotFound);
}

TEST(RemovedJob, IsKeptForResumingUpToABound) {
  JobTableLimits limits;
  limits.removed_max = 2;
  DrivenTable table(limits);
  std::vector<Sequence> removed;
  for (const char* id : {"a", "b", "c"}) {
    table.create(job_spec(id, Runner::kExternal));
    table.change(ChangeKind::kCancel, id);
    removed.push_back(table.change(ChangeKind::kForget, id).event->sequence);
  }
  ASSERT_EQ(table.jobs.removed().size(), 2u);
  EXPECT_EQ(table.jobs.removed().front()->spec.id, "b");
  EXPECT_TRUE(table.jobs.retains_removed_after(removed[0]));
  EXPECT_FALSE(table.jobs.retains_removed_after(removed[0] - 1));
}

TEST(RemovedJob, IsGoodForItsAskerWhateverTheBound) {
  JobTableLimits limits;
  limits.removed_max = 0;
  DrivenTable table(limits);
  table.create(job_spec("a", Runner::kExternal));
  table.change(ChangeKind::kCancel, "a");
  const Outcome removed = table.change(ChangeKind::kForget, "a");
  EXPECT_EQ(removed.event->type, EventType::kRemoved);
  EXPECT_EQ(removed.job->spec.id, "a");
}

TEST(FinishedJobs, AreForgottenOldestFirst) {
  DrivenTable table;
  for (const char* id : {"a", "b"}) table.create(job_spec(id, Runner::kExternal));
  EXPECT_EQ(table.jobs.oldest_finished(INT64_MAX), nullptr);
  table.change(ChangeKind::kCancel, "b");
  const Millis b_finished = table.at.steady;
  table.at += 1000;
  table.change(ChangeKind::kCancel, "a");
  EXPECT_EQ(table.jobs.oldest_finished(b_finished - 1), nullptr);
  ASSERT_NE(table.jobs.oldest_finished(b_finished), nullptr);
  EXPECT_EQ(table.jobs.oldest_finished(b_finished)->spec.id, "b");
  table.change(ChangeKind::kForget, "b");
  EXPECT_EQ(table.jobs.oldest_finished(b_finished), nullptr);
  EXPECT_EQ(table.jobs.oldest_finished(table.at.steady)->spec.id, "a");
}

TEST(JobIndexes, HoldJobsInTheOrderOfTheirCreation) {
  DrivenTable table;
  for (const char* id : {"z", "m", "a"}) table.create(job_spec(id, Runner::kExternal));
  JobSpec of_bob = job_spec("b", Runner::kExternal);
  of_bob.owner = "bob";
  table.create(of_bob);
  std::string order;
  for (const auto& [sequence, job] : *table.jobs.of_owner("ann")) order += job->spec.id;
  EXPECT_EQ(order, "zma");
  EXPECT_EQ(table.jobs.all().size(), 4u);
  EXPECT_EQ(table.jobs.of_owner("bob")->size(), 1u);
  EXPECT_EQ(table.jobs.of_owner("eve"), nullptr);
}

}  // namespace
}  // namespace progressd

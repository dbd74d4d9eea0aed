#include "core/ledger.h"

#include <gtest/gtest.h>

#include "core/jobs/job_groups.h"
#include "core/jobs/job_json.h"
#include "core/journal/memory.h"
#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::creation;
using testing::error_of;
using testing::job_spec;
using testing::kSomeDay;
using Sequences = std::vector<Sequence>;

/// A memory journal that can be away.
class MoodyJournal final : public Journal {
 public:
  std::uint32_t epoch() const override { return inner_.epoch(); }
  Result<Sequence> append(std::span<const Change> changes) override {
    if (away) return fail(Errc::kOverloaded, "the journal is away");
    return inner_.append(changes);
  }
  bool away = false;

 private:
  testing::Chance chance_{1};
  MemoryJournal inner_{chance_};
};

class RecordingObserver final : public ChangeObserver {
 public:
  void on_applied(const Change& change, Job& job) override {
    kinds.push_back(change.kind);
    ids.push_back(job.spec.id);
  }
  std::vector<ChangeKind> kinds;
  std::vector<std::string> ids;
};

class LedgerTest : public ::testing::Test {
 protected:
  void SetUp() override { ledger.observe(observer); }

  Outcome commit(Change change) {
    std::optional<Outcome> out;
    ledger.commit(std::move(change), [&](std::span<const Outcome> outcomes) {
      ASSERT_EQ(outcomes.size(), 1u);
      out = outcomes.front();
    });
    EXPECT_TRUE(out.has_value());
    return *out;
  }
  Outcome commit(ChangeKind kind, std::string id) {
    return commit(make_change(kind, std::move(id), kSomeDay));
  }
  void follow_group(SubscriberId id, std::string group) {
    hub.subscribe(id, testing::all_of(std::move(group)), {&dialect, Framing::kUntilClose}, 0);
  }
  Sequences got(SubscriberId id) {
    hub.flush();
    return sink.events[id];
  }

  MoodyJournal journal;
  JobTable jobs{JobTableLimits{}};
  testing::RecordingSink sink;
  EventIds ids{journal.epoch()};
  NativeDialect dialect{ids, true};
  Hub hub{HistoryLimits{}, sink};
  RecordingObserver observer;
  ChannelTable channels{ChannelLimits{}};
  Ledger ledger{journal, jobs, channels, hub};
};

TEST_F(LedgerTest, AChangeReachesTheJobItsReadersAndTheObservers) {
  follow_group(0, group_of_owner("ann"));
  const Outcome created = commit(creation(job_spec("a", Runner::kTimer, 2), kSomeDay));
  ASSERT_FALSE(created.error);
  EXPECT_EQ(created.job, jobs.find("a"));
  commit(ChangeKind::kStart, "a");
  commit(ChangeKind::kStep, "a");
  EXPECT_EQ(got(0), (Sequences{1, 2, 3}));
  EXPECT_EQ(jobs.find("a")->done, 1);
  EXPECT_EQ(observer.kinds,
            (std::vector{ChangeKind::kCreate, ChangeKind::kStart, ChangeKind::kStep}));
}

TEST_F(LedgerTest, ARefusedChangeIsToldToNobodyButItsAsker) {
  follow_group(0, group_of_all());
  EXPECT_EQ(error_of(commit(ChangeKind::kStep, "a")), Errc::kNotFound);
  EXPECT_EQ(got(0), Sequences{});
  EXPECT_TRUE(observer.kinds.empty());
}

TEST_F(LedgerTest, AJobIsInTheGroupsOfItsOwnerAndItsKind) {
  JobSpec spec = job_spec("a", Runner::kTimer);
  spec.kind = Text("media");
  follow_group(0, group_of_kind("media"));
  follow_group(1, group_of_owner("ann"));
  follow_group(2, group_of_all());
  follow_group(3, group_of_kind("resume"));
  follow_group(4, group_of_owner("bob"));
  commit(creation(spec, kSomeDay));
  commit(creation(job_spec("b", Runner::kTimer), kSomeDay));
  EXPECT_EQ(got(0), (Sequences{1}));
  EXPECT_EQ(got(1), (Sequences{1, 2}));
  EXPECT_EQ(got(2), (Sequences{1, 2}));
  EXPECT_EQ(got(3), Sequences{});
  EXPECT_EQ(got(4), Sequences{});
}

TEST_F(LedgerTest, ABatchIsAppliedInOrderWithAnOutcomeEach) {
  std::vector<Change> changes;
  changes.push_back(creation(job_spec("a", Runner::kExternal), kSomeDay));
  changes.push_back(testing::reporting("a", testing::report_done(5), kSomeDay));
  changes.push_back(testing::reporting("a", testing::report_done(4), kSomeDay));
  changes.push_back(testing::reporting("a", testing::report_done(6), kSomeDay));
  std::vector<std::optional<Errc>> errors;
  ledger.commit(std::move(changes), [&](std::span<const Outcome> outcomes) {
    for (const Outcome& outcome : outcomes) errors.push_back(error_of(outcome));
  });
  EXPECT_EQ(errors, (std::vector<std::optional<Errc>>{{}, {}, Errc::kInvalid, {}}));
  EXPECT_EQ(jobs.find("a")->done, 6);
  EXPECT_EQ(jobs.find("a")->last_sequence, 4u);
}

TEST_F(LedgerTest, WithoutItsJournalNothingChanges) {
  commit(creation(job_spec("a", Runner::kExternal), kSomeDay));
  follow_group(0, group_of_all());
  journal.away = true;
  EXPECT_EQ(error_of(commit(ChangeKind::kCancel, "a")), Errc::kOverloaded);
  EXPECT_EQ(error_of(commit(creation(job_spec("b", Runner::kTimer), kSomeDay))), Errc::kOverloaded);
  EXPECT_EQ(jobs.find("a")->state, State::kPending);
  EXPECT_EQ(jobs.find("b"), nullptr);
  EXPECT_EQ(got(0), Sequences{});
  journal.away = false;
  EXPECT_FALSE(commit(ChangeKind::kCancel, "a").error);
}

TEST_F(LedgerTest, ARepeatedCreationIsToldOnce) {
  const IdempotencyKey key{"k", sha256("body")};
  follow_group(0, group_of_all());
  const Outcome first = commit(creation(job_spec("a", Runner::kTimer), kSomeDay, key));
  const Outcome again = commit(creation(job_spec("b", Runner::kTimer), kSomeDay, key));
  EXPECT_TRUE(again.existing);
  EXPECT_EQ(again.job, first.job);
  EXPECT_EQ(got(0), (Sequences{1}));
  EXPECT_EQ(observer.ids, std::vector<std::string>{"a"});
}

TEST_F(LedgerTest, ARemovalIsTheLastThatAGroupHears) {
  commit(creation(job_spec("a", Runner::kExternal), kSomeDay));
  follow_group(0, group_of_all());
  hub.subscribe(1, testing::only(jobs.find("a")->topic), {&dialect, Framing::kUntilClose}, 1);
  commit(ChangeKind::kCancel, "a");
  commit(ChangeKind::kDelete, "a");
  EXPECT_EQ(got(0), (Sequences{2, 3}));
  EXPECT_EQ(got(1), (Sequences{2}));
  EXPECT_TRUE(sink.ended[1]);
  EXPECT_NE(sink.bytes[0].find("event: removed\n"), std::string::npos);
  EXPECT_EQ(sink.bytes[1].find("event: removed\n"), std::string::npos);
}

TEST_F(LedgerTest, AJobOfARemovedOnesIdIsAnotherTopic) {
  commit(creation(job_spec("a", Runner::kExternal), kSomeDay));
  const TopicId first = jobs.find("a")->topic.id();
  commit(ChangeKind::kCancel, "a");
  commit(ChangeKind::kDelete, "a");
  commit(creation(job_spec("a", Runner::kExternal), kSomeDay));
  EXPECT_NE(jobs.find("a")->topic.id(), first);
}

}  // namespace
}  // namespace progressd

#include "core/journal/recovery.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "core/base/base64url.h"
#include "core/journal/memory.h"
#include "core/journal/state_codec.h"
#include "tests/core/journal/changes.h"
#include "tests/core/journal/durable_tables.h"

namespace progressd {
namespace {

using testing::DurableTables;
using testing::kSomeDay;

/// What stands for everything there is to know about it.
std::string mark_of(const std::string& row) {
  return base64url(view_of(sha256(row))).substr(0, 12);
}

/// Everything there is to know about jobs and channels, briefly.
std::map<std::string, std::string> dump(const JobTable& jobs, const ChannelTable& channels) {
  std::map<std::string, std::string> all;
  for (const auto& [sequence, job] : jobs.all()) {
    all["job " + job->spec.id] =
        fmt::format("{} {} {}", state_name(job->state), job->done, mark_of(encode_job(*job, 0)));
  }
  for (const Channel* channel : channels.by_age()) {
    all["channel " + channel->user] = mark_of(encode_channel(*channel, 0));
  }
  return all;
}

/// Who saw what was before a removal is told of it, or that something is missing.
void expect_removals_or_a_gap(const JobTable& recovered, const JobTable& reference) {
  std::set<Sequence> told;
  for (const auto& job : recovered.removed()) told.insert(job->removed_sequence);
  for (const auto& job : reference.removed()) {
    const Sequence removal = job->removed_sequence;
    EXPECT_TRUE(told.contains(removal) || !recovered.retains_removed_after(removal - 1))
        << job->spec.id << " was removed by " << removal;
  }
}

/// The same changes with a journal in memory, which never restarts.
struct Reference {
  explicit Reference(testing::Chance& chance) : journal(chance) {}
  MemoryJournal journal;
  JobTable jobs{JobTableLimits{}};
  ChannelTable channels{{100}};
  testing::RecordingSink sink;
  Hub hub{{.events_max = DurableTables::kHistoryMax}, sink};
  Ledger ledger{journal, jobs, channels, hub};
};

class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryTest() {
    std::string name = ::testing::TempDir() + "recovery-XXXXXX";
    folder = mkdtemp(name.data());
    settings = {.path = folder + "/journal", .synced = false};
  }
  ~RecoveryTest() override { std::filesystem::remove_all(folder); }

  std::unique_ptr<DurableTables> start(std::size_t log_bytes_min, const TableBounds& bounds = {}) {
    return std::make_unique<DurableTables>(settings, chance, log_bytes_min, bounds);
  }

  const std::uint64_t seed = testing::test_seed();
  ::testing::ScopedTrace trace{__FILE__, __LINE__, testing::seed_note(seed)};
  testing::Chance chance{seed};
  std::string folder;
  SqliteSettings settings;
};

TEST_F(RecoveryTest, WhateverCameBeforeARestartIsAsItWasAfterIt) {
  Reference reference(chance);
  auto tables = start(/*log_bytes_min=*/2'000);
  const std::uint32_t epoch = tables->engine->epoch();
  Moment at = kSomeDay;
  int cuts = 0;
  for (int batch = 0; batch < 1'500; ++batch) {
    std::vector<Errc> wanted;
    std::vector<Errc> got;
    const auto note = [](std::vector<Errc>& to) {
      return [&to](std::span<const Outcome> outcomes) {
        for (const Outcome& outcome : outcomes) {
          to.push_back(outcome.error ? outcome.error->code : Errc{-1});
        }
      };
    };
    for (std::size_t left = chance.index(6); left > 0; --left) {
      const std::string block = [&] {
        ChangeBlock one;
        one.add(testing::random_change(chance, at));
        return one.take();
      }();
      // The same one twice: a change can't be copied.
      decode_block(block, 1, [&](const Change& change) {
        reference.ledger.commit(std::move(const_cast<Change&>(change)), note(wanted));
      });
      decode_block(block, 1, [&](const Change& change) {
        tables->ledger.commit(std::move(const_cast<Change&>(change)), note(got));
      });
    }
    EXPECT_TRUE(got.empty()) << "answered before it was kept";
    ASSERT_TRUE(tables->flush());
    EXPECT_EQ(got, wanted);
    if (chance.one_in(40)) {
      cuts += tables->cuts;
      tables.reset();
      tables = start(/*log_bytes_min=*/2'000);
      ASSERT_EQ(dump(tables->jobs, tables->channels), dump(reference.jobs, reference.channels));
      EXPECT_EQ(tables->engine->epoch(), epoch);
      EXPECT_EQ(tables->ledger.last_sequence(), reference.ledger.last_sequence());
      EXPECT_EQ(tables->jobs.idempotency_keys(), reference.jobs.idempotency_keys());
      expect_removals_or_a_gap(tables->jobs, reference.jobs);
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(cuts + tables->cuts, 5) << "no log was cut: the test shows nothing of that";
}

TEST_F(RecoveryTest, TheLogIsCutOffAndTheFileLevelsOff) {
  auto tables = start(/*log_bytes_min=*/50'000);
  for (int i = 0; i < 20; ++i) {
    tables->ledger.commit(
        testing::creation(
            testing::job_spec("job-" + std::to_string(i), Runner::kExternal, kTotalMax), kSomeDay),
        [](const auto&) {});
  }
  std::uintmax_t half_way = 0;
  for (int batch = 1; batch <= 4'000; ++batch) {
    for (int i = 0; i < 20; ++i) {
      tables->ledger.commit(testing::reporting("job-" + std::to_string(i),
                                               testing::report_done(batch), kSomeDay + batch),
                            [](const auto&) {});
    }
    ASSERT_TRUE(tables->flush());
    tables->engine->tidy();
    if (batch == 2'000) half_way = std::filesystem::file_size(settings.path);
  }
  EXPECT_GT(tables->cuts, 5);
  EXPECT_LE(std::filesystem::file_size(settings.path), half_way * 5 / 4);
  tables.reset();
  tables = start(50'000);
  EXPECT_LT(tables->recovered_changes, 20'000u);
  EXPECT_EQ(tables->jobs.find("job-7")->done, 4'000);
  EXPECT_EQ(tables->jobs.find("job-7")->topic.kept(), DurableTables::kHistoryMax);
}

TEST_F(RecoveryTest, AKeyHoldsAcrossARestartAndACut) {
  auto tables = start(/*log_bytes_min=*/1);
  const IdempotencyKey key{"k", sha256("body")};
  const auto create = [&](std::string id, IdempotencyKey with) {
    Outcome outcome;
    tables->ledger.commit(
        testing::creation(testing::job_spec(std::move(id), Runner::kTimer), kSomeDay, with),
        [&](std::span<const Outcome> outcomes) { outcome = outcomes.front(); });
    EXPECT_TRUE(tables->flush());
    return outcome;
  };
  create("a", key);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(tables->flush());
  EXPECT_GT(tables->cuts, 0);
  tables.reset();
  tables = start(1);
  EXPECT_EQ(tables->recovered_changes, 0u);
  const Outcome again = create("b", key);
  EXPECT_TRUE(again.existing);
  EXPECT_EQ(again.job, tables->jobs.find("a"));
  EXPECT_EQ(tables->jobs.find("b"), nullptr);
  EXPECT_EQ(testing::error_of(create("b", {"k", sha256("another")})), Errc::kInvalid);
}

TEST_F(RecoveryTest, ARemovedJobStaysRemovedAndItsEventsAreAGap) {
  auto tables = start(/*log_bytes_min=*/1);
  const auto commit = [&](Change change) {
    tables->ledger.commit(std::move(change), [](const auto&) {});
    ASSERT_TRUE(tables->flush());
  };
  commit(testing::creation(testing::job_spec("a", Runner::kExternal), kSomeDay));
  commit(make_change(ChangeKind::kCancel, "a", kSomeDay));
  commit(make_change(ChangeKind::kDelete, "a", kSomeDay));
  for (int i = 0; i < 50; ++i) commit(make_change(ChangeKind::kCancel, "nobody", kSomeDay));
  tables.reset();
  tables = start(1);
  EXPECT_LT(tables->recovered_changes, 50u) << "no log was cut: this shows nothing";
  EXPECT_EQ(tables->jobs.find("a"), nullptr);
  EXPECT_FALSE(tables->jobs.retains_removed_after(2));
  EXPECT_TRUE(tables->jobs.retains_removed_after(3));
  EXPECT_EQ(tables->ledger.last_sequence(), 53u);
}

TEST_F(RecoveryTest, BoundsCountWhatIsOnItsWayAndBindNoRecovery) {
  const TableBounds bounds{.jobs_max = 2, .idempotency_keys_max = 1, .channels_max = 1};
  auto tables = start(1'000'000, bounds);
  std::vector<std::optional<Errc>> errors;
  const auto note = [&](std::span<const Outcome> outcomes) {
    errors.push_back(testing::error_of(outcomes.front()));
  };
  const auto create = [&](std::string id, std::optional<IdempotencyKey> key = std::nullopt) {
    tables->ledger.commit(testing::creation(testing::job_spec(std::move(id), Runner::kTimer),
                                            kSomeDay, std::move(key)),
                          note);
  };
  const IdempotencyKey key{"k", sha256("body")};
  create("a", key);
  EXPECT_EQ(tables->ledger.creations_on_their_way("ann"), 1u);
  create("b", IdempotencyKey{"other", sha256("body")});
  EXPECT_EQ(errors, (std::vector<std::optional<Errc>>{Errc::kOverloaded}));
  create("b");
  create("c");
  EXPECT_EQ(errors.size(), 2u);
  ASSERT_TRUE(tables->flush());
  EXPECT_EQ(errors,
            (std::vector<std::optional<Errc>>{Errc::kOverloaded, Errc::kOverloaded, {}, {}}));
  EXPECT_EQ(tables->ledger.creations_on_their_way("ann"), 0u);
  create("again", key);  // makes none, so there is room
  ASSERT_TRUE(tables->flush());
  EXPECT_EQ(errors.back(), std::nullopt);
  EXPECT_EQ(tables->jobs.size(), 2u);
  tables.reset();
  tables = start(1'000'000, {.jobs_max = 1, .idempotency_keys_max = 0, .channels_max = 0});
  EXPECT_EQ(tables->jobs.size(), 2u);
}

TEST_F(RecoveryTest, AKeyOnItsWayIsKnownAndItsRetriesNeedNoRoom) {
  auto tables = start(1'000'000, {.jobs_max = 1, .idempotency_keys_max = 1, .channels_max = 1});
  const IdempotencyKey key{"k", sha256("body")};
  std::vector<std::string> made;
  const auto create = [&](std::string id) {
    tables->ledger.commit(
        testing::creation(testing::job_spec(std::move(id), Runner::kTimer), kSomeDay, key),
        [&](std::span<const Outcome> outcomes) {
          ASSERT_FALSE(outcomes.front().error);
          made.push_back(outcomes.front().job->spec.id);
        });
  };
  EXPECT_FALSE(tables->ledger.knows_key("ann", "k"));
  for (const std::string_view id : {"a", "b", "c"}) create(std::string(id));
  EXPECT_TRUE(tables->ledger.knows_key("ann", "k"));
  EXPECT_FALSE(tables->ledger.knows_key("eve", "k"));
  EXPECT_FALSE(tables->ledger.knows_key("ann", "other"));
  ASSERT_TRUE(tables->flush());
  EXPECT_EQ(made, (std::vector<std::string>{"a", "a", "a"}));
  EXPECT_TRUE(tables->ledger.knows_key("ann", "k"));
}

TEST_F(RecoveryTest, AnActiveJobGoesOnAsItsNextAttempt) {
  auto tables = start(1);
  const auto commit = [&](Change change) {
    std::optional<Errc> error;
    tables->ledger.commit(std::move(change), [&](std::span<const Outcome> outcomes) {
      error = testing::error_of(outcomes.front());
    });
    EXPECT_TRUE(tables->flush());
    return error;
  };
  commit(testing::creation(testing::job_spec("a", Runner::kTimer), kSomeDay));
  EXPECT_EQ(commit(make_change(ChangeKind::kResume, "a", kSomeDay)), std::nullopt);
  EXPECT_EQ(tables->jobs.find("a")->attempt, 1u) << "it was not begun yet";
  commit(make_change(ChangeKind::kStep, "a", kSomeDay));
  commit(make_change(ChangeKind::kResume, "a", kSomeDay + 60'000));
  tables.reset();
  tables = start(1);
  EXPECT_EQ(tables->jobs.find("a")->attempt, 2u);
  EXPECT_EQ(tables->jobs.find("a")->done, 1);
  commit(make_change(ChangeKind::kCancel, "a", kSomeDay));
  EXPECT_EQ(commit(make_change(ChangeKind::kResume, "a", kSomeDay)), Errc::kConflict);
}

TEST_F(RecoveryTest, TheSteadyClockIsKnownFromTheLogAndFromRowsAlone) {
  for (const std::size_t log_bytes_min : {std::size_t{1'000'000}, std::size_t{1}}) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
    auto tables = start(log_bytes_min);
    const Moment at(kSomeDay - 86'400'000, kSomeDay + 5);  // the wall clock was set back
    tables->ledger.commit(testing::creation(testing::job_spec("a", Runner::kExternal), at),
                          [](const auto&) {});
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(tables->flush());  // rows, and a cut
    tables.reset();
    tables = start(log_bytes_min);
    EXPECT_EQ(tables->recovered_changes, log_bytes_min == 1 ? 0u : 1u);
    EXPECT_EQ(tables->latest_at, kSomeDay + 5);
    EXPECT_EQ(tables->jobs.find("a")->created_at, kSomeDay - 86'400'000);
  }
}

TEST_F(RecoveryTest, HistoryLimitsThatChangeMeanwhileHoldForWhatIsStillToCome) {
  auto tables = start(/*log_bytes_min=*/1);
  const auto commit = [&](Change change) {
    tables->ledger.commit(std::move(change), [](const auto&) {});
    ASSERT_TRUE(tables->flush());
  };
  for (const char* id : {"a", "b"}) {
    commit(testing::creation(testing::job_spec(id, Runner::kExternal, 100), kSomeDay));
    for (int done = 1; done <= 10; ++done) {
      commit(testing::reporting(id, testing::report_done(done), kSomeDay));
    }
  }
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(tables->flush());
  std::vector<StateRow> rows;
  ASSERT_TRUE(tables->engine->read([&](const RecoveredPart& part) {
    rows.insert(rows.end(), part.rows.begin(), part.rows.end());
    return true;
  }));
  ASSERT_EQ(rows.size(), 2u);
  settings.path += "-other";
  auto other = start(1);
  Recovery recovery(
      {other->ledger, other->jobs, other->channels, other->keeper, {.events_max = 16}});
  ASSERT_TRUE(recovery.take({{}, {rows[0]}, {}}));
  recovery.use_history({.events_max = 3});
  ASSERT_TRUE(recovery.take({{}, {rows[1]}, {}}));
  EXPECT_GT(other->jobs.find("b")->topic.kept(), 3u);
  EXPECT_EQ(other->jobs.find("a")->topic.kept(), 3u);
}

TEST_F(RecoveryTest, WhatIsNoRowAndNoBlockIsCorrupt) {
  auto tables = start(1'000);
  Recovery recovery(
      {tables->ledger, tables->jobs, tables->channels, tables->keeper, {.events_max = 16}});
  EXPECT_FALSE(recovery.take({{}, {{RowKind::kJob, 1, "nonsense"}}, {}}));
  EXPECT_FALSE(recovery.take({{}, {{RowKind::kChannel, 1, "nonsense"}}, {}}));
  EXPECT_FALSE(recovery.take({{}, {{RowKind::kIdempotencyKey, 1, "nonsense"}}, {}}));
  EXPECT_FALSE(recovery.take({{}, {}, {{1, 1, "nonsense"}}}));
}

}  // namespace
}  // namespace progressd

// How streams of very many jobs begin, by what is looked at for each piece: no socket, no time.
#include "net/api/many_jobs.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/jobs/job_groups.h"
#include "core/jobs/job_json.h"
#include "core/journal/memory.h"
#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::creation;
using testing::job_spec;
using testing::kSomeDay;
using testing::report_done;
using testing::reporting;

constexpr std::size_t kHistoryMax = 8;

class ManyJobsTest : public ::testing::Test {
 protected:
  void commit(Change change) {
    ledger.commit(std::move(change), [](std::span<const Outcome> outcomes) {
      ASSERT_FALSE(outcomes.front().error) << outcomes.front().error->detail;
    });
  }
  static std::string name(std::size_t number) { return "j" + std::to_string(number); }
  void create(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      commit(creation(job_spec(name(i), Runner::kExternal, 1'000), kSomeDay));
    }
  }
  void report(std::size_t number, std::int64_t done) {
    commit(reporting(name(number), report_done(done), kSomeDay));
  }
  void remove(std::size_t number) {
    commit(make_change(ChangeKind::kCancel, name(number), kSomeDay));
    commit(make_change(ChangeKind::kDelete, name(number), kSomeDay));
  }

  /// Everybody's jobs; it counts how many are looked at.
  ManyJobs all() {
    JobsAmong among{jobs, std::nullopt, [this](const Job&) {
                      ++looked_at;
                      return true;
                    }};
    return {ledger, dialect, Framing::kUntilClose, std::move(among),
            testing::all_of(group_of_all())};
  }
  ManyJobs listed(std::vector<Sequence> created) {
    JobsAmong among{jobs, std::nullopt, nullptr, std::move(created)};
    return {ledger, dialect, Framing::kUntilClose, std::move(among), {}};
  }
  /// What the reader of a stream is told while it begins.
  template <class Rest>
  void subscribe_meanwhile(const Rest& rest) {
    std::optional<StreamLive> live = rest.live_meanwhile();
    ASSERT_TRUE(live);
    hub.subscribe(0, std::move(live->query), {live->dialect, Framing::kUntilClose}, 0);
  }

  /// Takes a piece, and adds the sequences of its events; true when it was the last.
  bool take(OpeningRest& rest) {
    std::vector<FrameRef> frames;
    const bool over = rest.next(frames);
    for (const FrameRef& frame : frames) {
      text += frame.bytes();
      if (frame.about().sequence != 0) told.push_back(frame.about().sequence);
    }
    return over;
  }

  testing::Chance chance{1};
  MemoryJournal journal{chance};
  JobTable jobs{JobTableLimits{}};
  testing::RecordingSink sink;
  EventIds ids{journal.epoch()};
  NativeDialect dialect{ids, true};
  Hub hub{{.events_max = kHistoryMax}, sink};
  ChannelTable channels{ChannelLimits{}};
  Ledger ledger{journal, jobs, channels, hub};
  std::size_t looked_at = 0;
  std::vector<Sequence> told;
  std::string text;
};

TEST_F(ManyJobsTest, AReplayLooksAtEachJobOnceHoweverManyPiecesItTakes) {
  constexpr std::size_t kJobs = 25'000;
  create(kJobs);
  const Sequence seen = ledger.last_sequence();
  for (std::size_t i = 0; i < kJobs; ++i) report((i * 7) % kJobs, 1);
  ReplayRest rest(all(), "seen", seen);
  subscribe_meanwhile(rest);
  looked_at = 0;
  std::size_t pieces = 0;
  for (bool over = false; !over; ++pieces) {
    const std::size_t before = looked_at;
    over = take(rest);
    EXPECT_LE(looked_at - before, 2 * kOpeningStepsMax);
  }
  EXPECT_GT(pieces, kJobs / kOpeningFramesMax);
  EXPECT_LE(looked_at, 2 * kJobs) << "once to look, once to restate";
  ASSERT_EQ(told.size(), kJobs);
  for (std::size_t i = 0; i < kJobs; ++i) ASSERT_EQ(told[i], seen + 1 + i);
}

TEST_F(ManyJobsTest, WhatHappensWhileItIsReplayedStandsInItsPlace) {
  constexpr std::size_t kJobs = 12'000;  // more than are looked at in one piece
  create(kJobs);
  const Sequence seen = ledger.last_sequence();
  for (std::size_t i = 0; i < kJobs; ++i) report(i, 1);
  ReplayRest rest(all(), "seen", seen);
  subscribe_meanwhile(rest);
  // To jobs that were looked at, to others, to new ones, and to those that go.
  std::int64_t done = 1;
  do {
    ++done;
    if (done <= 5) {
      report(0, done);
      report(kJobs - 1, done);
    }
    if (done == 2) remove(1);
    if (done == 3) remove(kJobs - 2);
    if (done == 4) commit(creation(job_spec("late", Runner::kExternal), kSomeDay));
  } while (!take(rest));
  std::vector<Sequence> expected;
  for (Sequence at = seen + 1; at <= ledger.last_sequence(); ++at) expected.push_back(at);
  EXPECT_EQ(told, expected);
  EXPECT_TRUE(sink.events[0].empty()) << "it is told by the replay, and not live as well";
}

TEST_F(ManyJobsTest, WhereNotAllIsKeptThereIsAGapAndEachJobAsItIs) {
  constexpr std::size_t kJobs = 12'000;
  create(kJobs);
  const Sequence seen = ledger.last_sequence();
  for (std::size_t i = 0; i <= kHistoryMax; ++i) {
    report(kJobs - 1, static_cast<std::int64_t>(i) + 1);
  }
  ReplayRest rest(all(), "seen", seen);
  subscribe_meanwhile(rest);
  EXPECT_FALSE(take(rest));
  EXPECT_EQ(text, "") << "nothing is said before all was looked at";
  while (!take(rest)) {
  }
  EXPECT_TRUE(
      text.starts_with("event: gap\ndata: {\"lastEventId\":\"seen\"}\n\nevent: snapshot\n"));
  EXPECT_EQ(told.size(), kJobs);
  ASSERT_TRUE(rest.live());
  EXPECT_EQ(rest.live()->dialect, &dialect);
}

TEST_F(ManyJobsTest, AReplayThatLosesAnEventMeanwhileIsCutOff) {
  create(1'000);
  const Sequence seen = ledger.last_sequence();
  for (std::size_t i = 0; i < 1'000; ++i) report(i, 1);
  ReplayRest rest(all(), "seen", seen);
  subscribe_meanwhile(rest);
  EXPECT_FALSE(take(rest));
  for (std::size_t i = 0; i <= kHistoryMax; ++i) report(999, static_cast<std::int64_t>(i) + 2);
  while (!take(rest)) {
  }
  EXPECT_FALSE(rest.live());
  EXPECT_LT(told.size(), 1'000u);
}

TEST_F(ManyJobsTest, AListedJobThatGoesBeforeItsTurnIsToldOfAtOnce) {
  constexpr std::size_t kJobs = 600;
  create(kJobs);
  std::vector<Sequence> created;
  for (const auto& [sequence, job] : jobs.all()) created.push_back(sequence);
  LatestRest rest(listed(created), "");
  subscribe_meanwhile(rest);
  EXPECT_FALSE(take(rest));
  remove(kJobs - 1);
  hub.flush();
  const std::string& live = sink.bytes[0];
  EXPECT_TRUE(live.starts_with("event: removed\nid: ")) << live;
  EXPECT_NE(live.find("\"id\":\"j599\""), std::string::npos) << live;
  EXPECT_NE(live.find("\"state\":\"cancelled\""), std::string::npos) << live;
  EXPECT_EQ(sink.events[0].size(), 1u) << "not of its end as well, for which it has no snapshot";
  while (!take(rest)) {
  }
  EXPECT_EQ(text.find("\"id\":\"j599\""), std::string::npos);
}

}  // namespace
}  // namespace progressd

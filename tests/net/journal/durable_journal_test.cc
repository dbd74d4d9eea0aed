// The journal's thread behind a real server: what waits for the disk, in which order it is
// answered, and what happens while the disk is away.
#include "net/journal/durable_journal.h"

#include <gtest/gtest.h>

#include "core/journal/memory.h"
#include "net/system.h"
#include "net/uv/loop.h"
#include "net/uv/timer.h"
#include "net/uv/turn_end.h"
#include "tests/core/testing.h"
#include "tests/net/journal/held_disk.h"

namespace progressd {
namespace {

using testing::HeldDisk;
using testing::kSomeDay;
using testing::MemoryDisk;

/// A loop with tables and a durable journal, as the server has them.
class Node {
 public:
  explicit Node(MemoryDisk& disk, const JournalBounds& bounds = {}) {
    journal = std::make_unique<DurableJournal>(
        DurableJournal::Parts{loop,
                              ledger,
                              jobs,
                              channels_,
                              clock_,
                              {.events_max = 16},
                              TableBounds{},
                              [this](const Result<std::uint32_t>& result) {
                                EXPECT_TRUE(result);
                                recovered = true;
                              }},
        SqliteSettings{.path = "journal", .vfs = disk.vfs()}, bounds);
    run_until([this] { return recovered; });
  }

  /// Turns the loop until the condition holds; a minute at most.
  void run_until(const std::function<bool()>& holds) {
    int ticks = 0;
    Timer tick(loop, [&] {
      if (holds() || ++ticks > 60'000) loop.stop();
    });
    tick.start_every(1);
    loop.run();
    EXPECT_TRUE(holds());
  }
  void commit(Change change) {
    ledger.commit(std::move(change), [this](std::span<const Outcome> outcomes) {
      for (const Outcome& outcome : outcomes) answers.push_back(testing::error_of(outcome));
    });
  }
  void create(std::string id) {
    commit(testing::creation(testing::job_spec(std::move(id), Runner::kExternal, 1'000), kSomeDay));
  }
  void report(std::string id, std::int64_t done) {
    commit(testing::reporting(std::move(id), testing::report_done(done), kSomeDay));
  }

  Loop loop;
  std::vector<std::optional<Errc>> answers;
  bool recovered = false;
  JobTable jobs{JobTableLimits{}};

 private:
  SystemClock clock_;
  SystemRandom random_;
  ChannelTable channels_{ChannelLimits{}};
  testing::RecordingSink sink_;
  Hub hub_{{.events_max = 16}, sink_};
  MemoryJournal unused_{random_};

 public:
  Ledger ledger{unused_, jobs, channels_, hub_};
  std::unique_ptr<DurableJournal> journal;

 private:
  TurnEnd turn_end_{loop, [this] {
                      if (journal) journal->on_turn_end();
                    }};
};

TEST(DurableJournal, AnswersComeWhenTheDiskHasItAndInOrder) {
  HeldDisk held;
  Node node(held.disk);
  held.hold(true);
  node.create("a");
  node.report("a", 5);
  node.report("a", 4);
  node.report("b", 1);
  EXPECT_TRUE(node.answers.empty());
  EXPECT_EQ(node.jobs.find("a"), nullptr) << "seen before it was kept";
  held.hold(false);
  node.run_until([&] { return node.answers.size() == 4; });
  EXPECT_EQ(node.answers,
            (std::vector<std::optional<Errc>>{{}, {}, Errc::kInvalid, Errc::kNotFound}));
}

TEST(DurableJournal, WhileOneBatchIsWrittenTheNextOneGathers) {
  HeldDisk held;
  Node node(held.disk);
  node.create("a");
  node.run_until([&] { return node.answers.size() == 1; });
  const std::size_t calls_before = held.disk.calls();
  node.report("a", 1);
  node.run_until([&] { return node.answers.size() == 2; });
  const std::size_t calls_of_one = held.disk.calls() - calls_before;
  held.hold(true);
  int sent = 2;
  // Each in a turn of its own, while the disk takes its time.
  node.run_until([&] {
    if (sent < 200) node.report("a", sent++);
    return sent == 200;
  });
  held.hold(false);
  node.run_until([&] { return node.answers.size() == 200; });
  EXPECT_LT(held.disk.calls() - calls_before, 20 * calls_of_one) << "it was written one by one";
  EXPECT_EQ(node.jobs.find("a")->done, 199);
}

TEST(DurableJournal, WhatMayWaitIsBounded) {
  HeldDisk held;
  Node node(held.disk, {.changes_max = 10});
  node.create("a");
  node.run_until([&] { return node.answers.size() == 1; });
  held.hold(true);
  for (int i = 1; i <= 15; ++i) node.report("a", i);
  EXPECT_EQ(node.answers.size(), 6u) << "those beyond the bound are refused at once";
  EXPECT_EQ(node.answers.back(), Errc::kUnavailable);
  held.hold(false);
  node.run_until([&] { return node.answers.size() == 16; });
  EXPECT_EQ(node.jobs.find("a")->done, 10);
  node.report("a", 20);
  node.run_until([&] { return node.answers.size() == 17; });
  EXPECT_EQ(node.answers.back(), std::nullopt);
}

TEST(DurableJournal, BytesThatWaitAreBoundedToo) {
  HeldDisk held;
  Node node(held.disk, {.bytes_max = 100});
  held.hold(true);
  JobSpec spec = testing::job_spec("a", Runner::kExternal);
  spec.message = Text(std::string(4'000, 'm'));
  node.commit(testing::creation(spec, kSomeDay));
  EXPECT_TRUE(node.answers.empty()) << "one that is large alone finds its way";
  node.report("a", 1);
  EXPECT_EQ(node.answers, (std::vector<std::optional<Errc>>{Errc::kUnavailable}));
  held.hold(false);
  node.run_until([&] { return node.answers.size() == 2; });
}

TEST(DurableJournal, WhileTheDiskIsAwayAllIsRefusedAndThenItComesBack) {
  HeldDisk held;
  Node node(held.disk);
  node.create("a");
  node.run_until([&] { return node.answers.size() == 1; });
  held.hold(true);
  node.report("a", 1);
  node.report("a", 2);
  held.disk.set_broken(true);
  held.hold(false);
  node.run_until([&] { return node.answers.size() == 3; });
  EXPECT_EQ(node.answers[1], Errc::kUnavailable);
  EXPECT_EQ(node.answers[2], Errc::kUnavailable);
  EXPECT_FALSE(node.journal->is_ready());
  node.report("a", 3);
  EXPECT_EQ(node.answers.size(), 4u) << "refused at once";
  EXPECT_EQ(node.jobs.find("a")->done, 0);
  held.hold(true);
  held.disk.set_broken(false);
  held.hold(false);
  node.run_until([&] { return node.journal->is_ready(); });
  node.report("a", 4);
  node.run_until([&] { return node.answers.size() == 5; });
  EXPECT_EQ(node.answers.back(), std::nullopt);
  EXPECT_EQ(node.jobs.find("a")->last_sequence, 2u) << "what was refused has no number";
}

TEST(DurableJournal, WhatWasTakenIsKeptAtTheEnd) {
  HeldDisk held;
  {
    Node node(held.disk);
    node.create("a");
    node.report("a", 7);
    node.journal.reset();
    EXPECT_TRUE(node.answers.empty());
  }
  Node again(held.disk);
  ASSERT_NE(again.jobs.find("a"), nullptr);
  EXPECT_EQ(again.jobs.find("a")->done, 7);
}

TEST(DurableJournal, TheLogIsCutWhileChangesGoOn) {
  HeldDisk held;
  JournalBounds bounds;
  bounds.log_bytes_min = 500;
  {
    Node node(held.disk, bounds);
    node.create("a");
    node.create("b");
    std::size_t sent = 2;
    node.run_until([&] {
      if (node.answers.size() == sent && sent < 300) {
        node.report(sent % 2 == 0 ? "a" : "b", static_cast<std::int64_t>(sent));
        ++sent;
      }
      return sent == 300 && node.answers.size() == 300;
    });
  }
  Node again(held.disk, bounds);
  EXPECT_EQ(again.jobs.find("a")->done, 298);
  EXPECT_EQ(again.jobs.find("b")->done, 299);
  EXPECT_LT(again.journal->recovered_changes(), 150u);
}

TEST(DurableJournal, ItEndsInTheMiddleOfARecovery) {
  HeldDisk held;
  {
    Node node(held.disk);
    for (int i = 0; i < 200; ++i) node.create("job-" + std::to_string(i));
    node.run_until([&] { return node.answers.size() == 200; });
  }
  SystemRandom random;
  Loop loop;
  JobTable jobs{JobTableLimits{}};
  ChannelTable channels{ChannelLimits{}};
  testing::RecordingSink sink;
  Hub hub({.events_max = 16}, sink);
  MemoryJournal unused(random);
  SystemClock clock;
  Ledger ledger(unused, jobs, channels, hub);
  bool told = false;
  {
    const DurableJournal journal({loop,
                                  ledger,
                                  jobs,
                                  channels,
                                  clock,
                                  {.events_max = 16},
                                  TableBounds{},
                                  [&](const Result<std::uint32_t>&) { told = true; }},
                                 SqliteSettings{.path = "journal", .vfs = held.disk.vfs()});
  }
  EXPECT_FALSE(told);
}

TEST(DurableJournal, ClosingKeepsAndAnswersWhatWasTakenAndNothingMore) {
  HeldDisk held;
  {
    Node node(held.disk);
    node.create("a");
    node.run_until([&] { return node.answers.size() == 1; });
    held.hold(true);
    node.report("a", 1);
    node.journal->on_turn_end();
    node.report("a", 2);
    node.journal->close();
    EXPECT_FALSE(node.journal->is_ready());
    node.report("a", 3);
    EXPECT_EQ(node.answers, (std::vector<std::optional<Errc>>{{}, Errc::kUnavailable}));
    EXPECT_TRUE(node.journal->closes());
    held.hold(false);
    node.run_until([&] { return !node.journal->closes(); });
    EXPECT_EQ(node.answers.size(), 4u);
    EXPECT_EQ(node.jobs.find("a")->done, 2);
    // The file is another one's now, though this one is still there.
    Node successor(held.disk);
    EXPECT_EQ(successor.jobs.find("a")->done, 2);
    successor.report("a", 4);
    successor.run_until([&] { return successor.answers.size() == 1; });
    EXPECT_EQ(successor.answers[0], std::nullopt);
  }
  Node again(held.disk);
  EXPECT_EQ(again.jobs.find("a")->done, 4);
}

TEST(DurableJournal, WhatWasRefusedIsNotThereAfterAClose) {
  const auto close_after_fault_at = [](std::size_t call) {
    SCOPED_TRACE("call " + std::to_string(call));
    HeldDisk held;
    bool was_refused = false;
    {
      Node node(held.disk);
      node.create("a");
      node.run_until([&] { return node.answers.size() == 1; });
      node.report("a", 1);  // with its answer, what follows the first batch is done too
      node.run_until([&] { return node.answers.size() == 2; });
      held.disk.fail_at(call, MemoryDisk::Fault::kError);
      node.report("a", 2);
      node.run_until([&] { return node.answers.size() == 3; });
      was_refused = node.answers[2].has_value();
      node.journal->close();  // long before it is tried again by itself
      node.run_until([&] { return !node.journal->closes(); });
    }
    held.disk.fail_at(0, MemoryDisk::Fault::kNone);
    const Node again(held.disk);
    EXPECT_EQ(again.jobs.find("a")->done, was_refused ? 1 : 2);
    return was_refused;
  };
  std::size_t refused = 0;
  while (close_after_fault_at(refused)) ++refused;
  EXPECT_GT(refused, 2u) << "the last of them is the sync, when all has reached the disk already";
}

TEST(DurableJournal, ClosesWhileTheDiskIsAway) {
  HeldDisk held;
  Node node(held.disk);
  node.create("a");
  node.run_until([&] { return node.answers.size() == 1; });
  held.disk.set_broken(true);
  node.report("a", 1);
  node.journal->close();
  node.run_until([&] { return !node.journal->closes(); });
  EXPECT_EQ(node.answers, (std::vector<std::optional<Errc>>{{}, Errc::kUnavailable}));
}

}  // namespace
}  // namespace progressd

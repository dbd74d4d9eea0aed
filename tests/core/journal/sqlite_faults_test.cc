// A fault at each call that the journal makes to its disk: the file always opens, and holds every
// change that was acknowledged, and none that was refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "core/journal/sqlite.h"
#include "tests/core/journal/memory_disk.h"
#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::MemoryDisk;
using Fault = MemoryDisk::Fault;
using Unsynced = MemoryDisk::Unsynced;

constexpr int kBatches = 24;

/// What is told of the load: which blocks and rows were acknowledged.
struct Acknowledged {
  std::map<Sequence, std::string> blocks;
  std::map<Sequence, std::string> rows;
  Sequence last = 0;
  Sequence cut_through = 0;
  std::string doubtful;  // the block that was on its way when the machine stopped
  // Of batches that were refused. They say nothing that was not acknowledged before, so they may
  // have come through: only changes must not.
  std::map<Sequence, std::string> refused_rows;
  Sequence doubtful_cut = 0;
};

struct Contents {
  std::map<Sequence, std::string> blocks;
  std::map<Sequence, std::string> rows;
};

SqliteSettings settings(const MemoryDisk& disk) {
  return {.path = "journal", .synced = true, .vfs = disk.vfs(), .wal_pages_max = 6};
}

/// Batches with changes, rows and cuts, and a checkpoint now and then. Stops when the disk does.
void run_load(MemoryDisk& disk, Acknowledged& told, int wal_pages_max = 6) {
  testing::Chance chance(1);
  SqliteSettings here = settings(disk);
  here.wal_pages_max = wal_pages_max;
  auto journal = SqliteJournal::open(here, chance);
  if (!journal) journal = SqliteJournal::open(here, chance);
  if (!journal) return;
  for (int i = 0; i < kBatches; ++i) {
    JournalBatch batch;
    batch.changes = static_cast<std::size_t>(i % 3) + 1;
    batch.block = "block " + std::to_string(i) + std::string(static_cast<std::size_t>(i) * 97, 'x');
    const auto row_id = static_cast<Sequence>(i % 5 + 1);
    if (i % 4 == 1) {
      batch.rows.push_back({RowKind::kJob, row_id, "row " + std::to_string(i)});
    }
    if (i % 7 == 6) batch.cut = LogCut{told.last, 0};
    told.doubtful = batch.block;
    if (batch.cut) told.doubtful_cut = batch.cut->through;
    const Result<Sequence> first = (*journal)->append(batch);
    if (!first) {
      for (const StateRow& row : batch.rows) told.refused_rows[row.id] = row.bytes;
      if (!(*journal)->reopen() && !(*journal)->reopen()) return;  // the second finds no fault
      continue;
    }
    EXPECT_EQ(*first, told.last + 1);
    told.last += batch.changes;
    told.blocks[*first] = batch.block;
    for (const StateRow& row : batch.rows) told.rows[row.id] = row.bytes;
    if (batch.cut) told.cut_through = batch.cut->through;
    (*journal)->tidy();
  }
  told.doubtful.clear();
}

std::optional<Contents> read_all(const MemoryDisk& disk) {
  testing::Chance chance(2);
  const auto journal = SqliteJournal::open(settings(disk), chance);
  if (!journal) {
    ADD_FAILURE() << journal.error().detail;
    return std::nullopt;
  }
  Contents contents;
  const Result<void> done = (*journal)->read([&](const RecoveredPart& part) {
    for (const auto& block : part.blocks) contents.blocks[block.first] = block.bytes;
    for (const auto& row : part.rows) contents.rows[row.id] = row.bytes;
    return true;
  });
  EXPECT_TRUE(done) << done.error().detail;
  return contents;
}

void check(const Acknowledged& told, Contents contents, bool crashed) {
  const Sequence cut = std::max(told.cut_through, told.doubtful_cut);
  for (const auto& [first, block] : told.blocks) {
    const auto found = contents.blocks.find(first);
    if (found != contents.blocks.end()) {
      EXPECT_EQ(found->second, block);
      contents.blocks.erase(found);
    } else {
      EXPECT_LE(first, cut) << "it was acknowledged and is lost";
    }
  }
  for (const auto& [first, block] : contents.blocks) {
    EXPECT_TRUE(crashed && first == told.last + 1 && block == told.doubtful)
        << "change " << first << " was refused and is there";
  }
  for (const auto& [id, row] : contents.rows) {
    const auto acknowledged = told.rows.find(id);
    const auto refused = told.refused_rows.find(id);
    EXPECT_TRUE((acknowledged != told.rows.end() && row == acknowledged->second) ||
                (refused != told.refused_rows.end() && row == refused->second))
        << "row " << id << " is " << row;
  }
  for (const auto& [id, row] : told.rows) EXPECT_EQ(contents.rows.count(id), 1u) << id;
}

std::size_t calls_of_load() {
  MemoryDisk disk("counting");
  Acknowledged told;
  run_load(disk, told);
  EXPECT_EQ(told.blocks.size(), std::size_t{kBatches});
  return disk.calls();
}

TEST(SqliteFaults, AnErrorAtEachCallRefusesAndLosesNothing) {
  const std::size_t calls = calls_of_load();
  ASSERT_GT(calls, 100u);
  for (std::size_t call = 0; call < calls; ++call) {
    for (const Fault fault : {Fault::kError, Fault::kShortWrite}) {
      SCOPED_TRACE("call " + std::to_string(call));
      MemoryDisk disk("faulty");
      disk.fail_at(call, fault);
      Acknowledged told;
      run_load(disk, told);
      EXPECT_GE(told.blocks.size(), std::size_t{kBatches} - 1) << "it did not come back";
      disk.fail_at(0, Fault::kNone);
      if (auto contents = read_all(disk)) check(told, std::move(*contents), /*crashed=*/false);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(SqliteFaults, ACrashAtEachCallLosesNothingThatWasAcknowledged) {
  const std::size_t calls = calls_of_load();
  for (std::size_t call = 0; call < calls; ++call) {
    for (const Unsynced unsynced : {Unsynced::kDropped, Unsynced::kKept, Unsynced::kTorn}) {
      SCOPED_TRACE("call " + std::to_string(call));
      MemoryDisk disk("crashing");
      disk.fail_at(call, Fault::kCrash);
      Acknowledged told;
      run_load(disk, told);
      disk.reboot(unsynced);
      if (auto contents = read_all(disk)) check(told, std::move(*contents), /*crashed=*/true);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

/// WAL pages: more than a load has. A checkpoint would bring all of it to the disk once more.
constexpr int kNoCheckpoint = 10'000;

TEST(SqliteFaults, NothingThatIsKeptAfterASyncFailedNeedsWhatThatLost) {
  const std::size_t calls = calls_of_load();
  for (std::size_t call = 0; call < calls; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    MemoryDisk disk("lossy");
    disk.fail_at(call, Fault::kLostSync);
    Acknowledged told;
    run_load(disk, told, kNoCheckpoint);
    disk.reboot(Unsynced::kDropped);
    if (auto contents = read_all(disk)) check(told, std::move(*contents), /*crashed=*/true);
    if (::testing::Test::HasFailure()) return;
  }
}

/// Opened, told of a change, and closed; or left as a machine leaves it that stops.
std::uint32_t epoch_after_a_change(const MemoryDisk& disk, bool synced, std::int64_t boot,
                                   bool is_closed) {
  static testing::Chance chance(1);
  SqliteSettings here = settings(disk);
  here.synced = synced;
  here.boot = boot;
  const auto journal = SqliteJournal::open(here, chance);
  EXPECT_TRUE(journal);
  JournalBatch batch;
  batch.changes = 1;
  batch.block = "told of";
  EXPECT_TRUE((*journal)->append(batch));
  if (is_closed) (*journal)->finish();
  return (*journal)->epoch();
}

TEST(SqliteFaults, ThatCommitsAreNotSyncedIsItselfSynced) {
  MemoryDisk disk("relaxed");
  const std::uint32_t first = epoch_after_a_change(disk, /*synced=*/true, 1, /*is_closed=*/true);
  EXPECT_EQ(epoch_after_a_change(disk, false, 1, /*is_closed=*/false), first);
  disk.reboot(Unsynced::kDropped);
  EXPECT_EQ(read_all(disk)->blocks.size(), 1u) << "nothing was lost: this shows nothing";
  EXPECT_NE(epoch_after_a_change(disk, true, 2, true), first) << "its number is given again";
}

TEST(SqliteFaults, WhatWasNotSyncedIsSyncedAtAGoodEnd) {
  MemoryDisk disk("relaxed");
  const std::uint32_t first = epoch_after_a_change(disk, /*synced=*/false, 1, /*is_closed=*/true);
  disk.reboot(Unsynced::kDropped);
  EXPECT_EQ(epoch_after_a_change(disk, false, 2, true), first);
  disk.reboot(Unsynced::kDropped);
  EXPECT_EQ(read_all(disk)->blocks.size(), 2u);
}

TEST(SqliteFaults, ADiskThatDoesNotDoIsSaid) {
  MemoryDisk disk("remote");
  disk.has_shared_memory = false;
  testing::Chance chance(1);
  const auto journal = SqliteJournal::open(settings(disk), chance);
  ASSERT_FALSE(journal);
  EXPECT_NE(journal.error().detail.find("WAL"), std::string::npos) << journal.error().detail;
}

TEST(SqliteFaults, WhileTheDiskIsAwayNothingIsTakenAndThenItGoesOn) {
  MemoryDisk disk("away");
  testing::Chance chance(1);
  auto journal = SqliteJournal::open(settings(disk), chance);
  ASSERT_TRUE(journal);
  JournalBatch batch;
  batch.changes = 1;
  batch.block = "one";
  EXPECT_EQ((*journal)->append(batch), Sequence{1});
  disk.set_broken(true);
  batch.block = "two";
  EXPECT_FALSE((*journal)->append(batch));
  EXPECT_FALSE((*journal)->append(batch));
  EXPECT_FALSE((*journal)->reopen());
  disk.set_broken(false);
  EXPECT_FALSE((*journal)->append(batch));  // not before it was opened again
  ASSERT_TRUE((*journal)->reopen());
  batch.block = "three";
  EXPECT_EQ((*journal)->append(batch), Sequence{2});
  journal->reset();
  const auto contents = read_all(disk);
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->blocks, (std::map<Sequence, std::string>{{1, "one"}, {2, "three"}}));
}

}  // namespace
}  // namespace progressd

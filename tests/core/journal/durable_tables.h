// Tables, hub and ledger over an SQLite journal, all on one thread: a change is on its way until
// flush(). What a restart or a crash leaves is found by making another one of these: at any moment
// of a round, as each row is a slice of its own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "core/journal/change_codec.h"
#include "core/journal/memory.h"
#include "core/journal/recovery.h"
#include "core/journal/sqlite.h"
#include "core/ledger.h"
#include "tests/core/testing.h"

namespace progressd::testing {

inline constexpr std::size_t kUnlimited = SIZE_MAX;

class DurableTables final : public DeferredJournal {
 public:
  /// Recovers what the journal holds.
  DurableTables(const SqliteSettings& settings, Chance& chance, std::size_t log_bytes_min,
                const TableBounds& bounds = {})
      : keeper(jobs, channels, log_bytes_min, /*slice_rows_max=*/1) {
    auto opened = SqliteJournal::open(settings, chance);
    EXPECT_TRUE(opened) << opened.error().detail;
    engine = std::move(*opened);
    ledger.defer_to(*this, keeper, bounds);
    Recovery recovery({ledger, jobs, channels, keeper, {.events_max = kHistoryMax}});
    const auto read = engine->read([&](const RecoveredPart& part) {
      EXPECT_TRUE(recovery.take(part));
      return true;
    });
    EXPECT_TRUE(read) << read.error().detail;
    recovery.finish(engine->last(), engine->removed_through());
    recovered_changes = recovery.changes();
    latest_at = recovery.latest_at();
  }

  std::optional<Error> post(std::span<const Change> changes) override {
    for (const Change& change : changes) block.add(change);
    return std::nullopt;
  }

  /// Writes what is on its way, with a slice of rows when one is due, and settles it.
  bool flush() {
    JournalBatch batch;
    batch.changes = block.changes();
    batch.block = block.take();
    keeper.fill(batch, ledger.last_sequence(), kSomeDay);
    const Result<Sequence> first = engine->append(batch);
    if (batch.has_state()) first ? keeper.on_kept() : keeper.on_refused();
    if (first) keeper.logged(batch.block.size());
    if (batch.cut) ++cuts;
    ledger.settle(first, batch.changes);
    return first.has_value();
  }

  static constexpr std::size_t kHistoryMax = 16;
  JobTable jobs{{kUnlimited, kUnlimited, 1'000}};
  ChannelTable channels{{kUnlimited}};
  RecordingSink sink;
  Hub hub{{.events_max = kHistoryMax}, sink};
  MemoryJournal unused{*std::make_unique<Chance>(1)};
  Ledger ledger{unused, jobs, channels, hub};
  StateKeeper keeper;
  std::unique_ptr<SqliteJournal> engine;
  ChangeBlock block;
  int cuts = 0;
  std::size_t recovered_changes = 0;
  Millis latest_at = 0;
};

}  // namespace progressd::testing

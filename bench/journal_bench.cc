// The SQLite journal without a server: what a commit of so many reports costs, beside SQLite's own
// inserts of as many rows in one transaction; and a recovery. PROGRESSD_BENCH_FOLDER is the disk
// that is measured, /tmp unless told.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "core/journal/change_codec.h"
#include "core/journal/memory.h"
#include "core/journal/recovery.h"
#include "core/journal/sqlite.h"

namespace progressd {
namespace {

constexpr Millis kSomeDay = 1'795'218'125'123;
constexpr std::int64_t kChangesToRecover = 1'000'000;
constexpr std::int64_t kJobs = 5'000;

class FixedRandom final : public Random {
 public:
  std::uint64_t next() override { return 1; }
};

class NoSink final : public Sink {
 public:
  void deliver(std::span<const FrameRef>, std::span<const SubscriberId>, bool) override {}
};

class Folder {
 public:
  Folder() {
    const char* const parent = std::getenv("PROGRESSD_BENCH_FOLDER");
    path_ = std::string(parent == nullptr ? "/tmp" : parent) + "/journal-bench-XXXXXX";
    ENSURE(mkdtemp(path_.data()) != nullptr);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string journal() const { return path_ + "/journal"; }

 private:
  std::string path_;
};

Change report_on(std::int64_t job, std::int64_t done) {
  Change change = make_change(ChangeKind::kReport, "job-" + std::to_string(job), kSomeDay + done);
  change.report.emplace();
  change.report->done = done;
  return change;
}

/// The bound: a row for each report, in one synced transaction.
void BM_PlainInserts(benchmark::State& state) {
  const Folder folder;
  auto db = SqliteDb::open(folder.journal(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "");
  ENSURE(
      db->run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
              "CREATE TABLE report (id INTEGER PRIMARY KEY, job TEXT, done INTEGER)"));
  auto begin = db->prepare("BEGIN");
  auto insert = db->prepare("INSERT INTO report (job, done) VALUES (CAST(? AS TEXT), ?)");
  auto commit = db->prepare("COMMIT");
  std::int64_t done = 0;
  for (auto _ : state) {
    ENSURE(begin->run());
    ++done;
    for (std::int64_t job = 0; job < state.range(0); ++job) {
      const std::string id = "job-" + std::to_string(job);
      ENSURE(insert->with_bytes(1, id).with(2, done).run());
    }
    ENSURE(commit->run());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_PlainInserts)
    ->Arg(1)
    ->Arg(16)
    ->Arg(100)
    ->Arg(256)
    ->Arg(1600)
    ->Arg(25600)
    ->UseRealTime();

void BM_Append(benchmark::State& state) {
  const Folder folder;
  FixedRandom random;
  auto journal = SqliteJournal::open({.path = folder.journal()}, random);
  std::int64_t done = 0;
  for (auto _ : state) {
    ++done;
    ChangeBlock block;
    for (std::int64_t job = 0; job < state.range(0); ++job) block.add(report_on(job, done));
    JournalBatch batch;
    batch.changes = block.changes();
    batch.block = block.take();
    ENSURE((*journal)->append(batch));
    (*journal)->tidy();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Append)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();

/// A journal that was never cut: creations, and then reports on all the jobs in turn.
void fill(SqliteJournal& journal, std::int64_t changes) {
  std::int64_t next = 0;
  while (next < changes) {
    ChangeBlock block;
    for (int i = 0; i < 256 && next < changes; ++i, ++next) {
      if (next >= kJobs) {
        block.add(report_on(next % kJobs, next / kJobs));
        continue;
      }
      JobSpec spec;
      spec.id = "job-" + std::to_string(next);
      spec.owner = "ann";
      spec.runner = Runner::kExternal;
      spec.total = kTotalMax;
      Change creation = make_change(ChangeKind::kCreate, spec.id, kSomeDay);
      creation.creation = std::make_unique<Creation>(Creation{std::move(spec), std::nullopt});
      block.add(creation);
    }
    JournalBatch batch;
    batch.changes = block.changes();
    batch.block = block.take();
    ENSURE(journal.append(batch));
    journal.tidy();
  }
}

/// The file read and folded, its integrity check included, on one thread.
void BM_Recover(benchmark::State& state) {
  const Folder folder;
  FixedRandom random;
  const SqliteSettings settings{.path = folder.journal(), .synced = false};
  fill(**SqliteJournal::open(settings, random), state.range(0));
  for (auto _ : state) {
    JobTable jobs{JobTableLimits{}};
    ChannelTable channels{ChannelLimits{}};
    NoSink sink;
    Hub hub(HistoryLimits{}, sink);
    MemoryJournal unused(random);
    Ledger ledger(unused, jobs, channels, hub);
    StateKeeper keeper(jobs, channels, SIZE_MAX);
    Recovery recovery({ledger, jobs, channels, keeper, HistoryLimits{}});
    auto journal = SqliteJournal::open(settings, random);
    ENSURE((*journal)->read([&](const RecoveredPart& part) { return recovery.take(part); }));
    recovery.finish((*journal)->last(), 0);
    ENSURE(recovery.changes() == static_cast<std::size_t>(state.range(0)));
    state.PauseTiming();  // what the process would keep
    journal->reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Recover)->Arg(10'000)->Arg(kChangesToRecover)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace progressd

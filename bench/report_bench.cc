// The whole way of a bulk report's line: its JSON, the change, the journal, the job, the event,
// its frame, and one reader; with the journal in memory.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "core/jobs/job_input.h"
#include "core/jobs/job_json.h"
#include "core/journal/memory.h"
#include "core/ledger.h"

namespace progressd {
namespace {

constexpr Millis kSomeDay = 1'795'218'125'123;
constexpr std::size_t kHistoryMax = 256;

class FixedRandom final : public Random {
 public:
  std::uint64_t next() override { return 1; }
};

class CountingSink final : public Sink {
 public:
  void deliver(std::span<const FrameRef> frames, std::span<const SubscriberId> to, bool) override {
    events += frames.size() * to.size();
    for (const FrameRef& frame : frames) bytes += frame.bytes().size();
  }
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
};

Query only(Topic& topic) {
  Query query;
  query.topics = {&topic};
  query.ends_with_topic = true;
  return query;
}

struct Server {
  Server() {
    for (int i = 0; i < kJobs; ++i) {
      JobSpec spec;
      spec.id = "job-" + std::to_string(i);
      spec.owner = "ann";
      spec.runner = Runner::kExternal;
      spec.total = kTotalMax;
      Change change = make_change(ChangeKind::kCreate, spec.id, kSomeDay);
      change.creation = std::make_unique<Creation>(Creation{std::move(spec), std::nullopt});
      ledger.commit(std::move(change), [](std::span<const Outcome>) {});
      Job* const job = jobs.find("job-" + std::to_string(i));
      hub.subscribe(static_cast<SubscriberId>(i), only(job->topic), {&dialect, Framing::kChunked},
                    0);
    }
  }

  static constexpr int kJobs = 1'000;
  FixedRandom random;
  MemoryJournal journal{random};
  JobTable jobs{JobTableLimits{}};
  CountingSink sink;
  EventIds ids{journal.epoch()};
  NativeDialect dialect{ids, true};
  Hub hub{{.events_max = kHistoryMax}, sink};
  ChannelTable channels{ChannelLimits{}};
  Ledger ledger{journal, jobs, channels, hub};
};

/// N lines are one request: one commit and one flush.
void BM_ReportLines(benchmark::State& state) {
  const auto lines = static_cast<int>(state.range(0));
  Server server;
  JsonReader reader;
  std::int64_t done = 0;
  Millis at = kSomeDay;
  std::string text;
  for (auto _ : state) {
    std::vector<Change> changes;
    changes.reserve(static_cast<std::size_t>(lines));
    ++done;
    ++at;
    for (int i = 0; i < lines; ++i) {
      text = "{\"job\":\"job-" + std::to_string(i % Server::kJobs) +
             "\",\"done\":" + std::to_string(done) + ",\"message\":\"encoding\"}";
      const std::size_t size = text.size();
      text.append(kJsonPaddingBytes, '\0');
      Result<ReportLine> line = read_report_line(reader, std::string_view(text).substr(0, size));
      if (!line) std::abort();
      Change change = make_change(ChangeKind::kReport, std::move(line->job_id), at);
      change.report = std::move(line->report);
      changes.push_back(std::move(change));
    }
    server.ledger.commit(std::move(changes), [](std::span<const Outcome> outcomes) {
      for (const Outcome& outcome : outcomes) {
        if (outcome.error) std::abort();
      }
    });
    server.hub.flush();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(server.sink.events));
}
BENCHMARK(BM_ReportLines)->Arg(1)->Arg(100)->Arg(1'000);

/// The JSON alone.
void BM_ReadReportLine(benchmark::State& state) {
  std::string text = "{\"job\":\"job-17\",\"done\":45,\"message\":\"encoding\"}";
  const std::size_t size = text.size();
  text.append(kJsonPaddingBytes, '\0');
  JsonReader reader;
  for (auto _ : state) {
    const Result<ReportLine> line =
        read_report_line(reader, std::string_view(text).substr(0, size));
    benchmark::DoNotOptimize(line->report.done);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ReadReportLine);

}  // namespace
}  // namespace progressd

// What a reader who resumes costs: events kept in a topic, encoded again.
#include <benchmark/benchmark.h>

#include "core/jobs/job_json.h"
#include "core/stream/sse.h"

namespace progressd {
namespace {

constexpr Millis kSomeDay = 1'795'218'125'123;
constexpr std::size_t kHistoryMax = 256;

/// The last N of a full history.
void BM_Replay(benchmark::State& state) {
  const auto missed = static_cast<Sequence>(state.range(0));
  JobSpec spec;
  spec.id = "a";
  spec.owner = "ann";
  Job job(spec, kSomeDay, 1);
  job.state = State::kActive;
  Sequence sequence = 1;
  while (sequence < 1'000) {
    job.done = static_cast<std::int64_t>(sequence % 100);
    job.topic.append(job.event(EventType::kProgress, ++sequence, false),
                     {.events_max = kHistoryMax});
  }
  const EventIds ids(1);
  const NativeDialect dialect(ids, true);
  FrameEncoder encoder;
  for (auto _ : state) {
    job.topic.replay_after(sequence - missed, [&](const Event& event) {
      const FrameRef frame = encoder.encode(dialect, Framing::kChunked, job.topic, event);
      benchmark::DoNotOptimize(frame.bytes().data());
    });
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Replay)->Arg(1)->Arg(16)->Arg(256);

/// A fresh reader: the whole job as it is now.
void BM_Snapshot(benchmark::State& state) {
  JobSpec spec;
  spec.id = "a";
  spec.owner = "ann";
  const Job job(spec, kSomeDay, 1);
  const EventIds ids(1);
  const NativeDialect dialect(ids, true);
  std::string payload;
  for (auto _ : state) {
    payload.clear();
    dialect.encode_latest(job, /*through=*/1, /*partial=*/false, payload);
    const FrameRef frame = make_frame(Framing::kChunked, payload, {});
    benchmark::DoNotOptimize(frame.bytes().data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Snapshot);

}  // namespace
}  // namespace progressd

// What one event costs to become a frame: once per event and dialect, whatever the readers.
#include <benchmark/benchmark.h>

#include "core/jobs/job_json.h"
#include "core/stream/sse.h"

namespace progressd {
namespace {

constexpr Millis kSomeDay = 1'795'218'125'123;

JobSpec job_spec() {
  JobSpec spec;
  spec.id = "b1f0c7de-3a52-4c1b-9d44-0c1e6d2a7f90";
  spec.kind = Text("media");
  spec.owner = "ann";
  spec.message = Text("encoding the second pass");
  return spec;
}

void encode(benchmark::State& state, EventType type, Framing framing) {
  Job job(job_spec(), kSomeDay, 1);
  job.state = State::kActive;
  job.started_at = kSomeDay;
  job.rate.start(kSomeDay);
  job.rate.add(45, kSomeDay + 2'000);
  job.done = 45;
  const EventIds ids(0x1f3a9c04);
  const NativeDialect dialect(ids, /*named=*/true);
  FrameEncoder encoder;
  const Event event = job.event(type, 1'234'567, false);
  std::size_t bytes = 0;
  for (auto _ : state) {
    const FrameRef frame = encoder.encode(dialect, framing, job.topic, event);
    bytes = frame.bytes().size();
    benchmark::DoNotOptimize(frame.bytes().data());
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["frame_bytes"] = static_cast<double>(bytes);
}

void BM_EncodeProgress(benchmark::State& state) {
  encode(state, EventType::kProgress, Framing::kChunked);
}
void BM_EncodeProgressUntilClose(benchmark::State& state) {
  encode(state, EventType::kProgress, Framing::kUntilClose);
}
void BM_EncodeWholeJob(benchmark::State& state) {
  encode(state, EventType::kSnapshot, Framing::kChunked);
}
BENCHMARK(BM_EncodeProgress);
BENCHMARK(BM_EncodeProgressUntilClose);
BENCHMARK(BM_EncodeWholeJob);

}  // namespace
}  // namespace progressd

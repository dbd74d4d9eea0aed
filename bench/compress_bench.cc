// What it costs to compress an event, once for all its readers, and what each reader's stream costs
// then: the sum of its trailer.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/jobs/job_json.h"
#include "core/stream/gzip.h"

namespace progressd {
namespace {

constexpr Millis kSomeDay = 1'795'218'125'123;
constexpr std::size_t kLargeResultBytes = 16 * 1024;

/// One of many jobs, as a reader is told of it, without any framing.
std::string event_text(int number, EventType type, const std::string& result = {}) {
  JobSpec spec;
  spec.id = "b1f0c7de-3a52-4c1b-9d44-" + std::to_string(100'000'000'000 + number * 7'919);
  spec.kind = Text("media");
  spec.owner = "ann";
  spec.message = Text("encoding the second pass");
  Job job(std::move(spec), kSomeDay, 1);
  job.state = State::kActive;
  job.started_at = kSomeDay;
  job.rate.start(kSomeDay);
  job.rate.add(45, kSomeDay + 2'000);
  job.done = 45;
  if (!result.empty()) job.result = Text(result);
  const EventIds ids(0x1f3a9c04);
  std::string text;
  NativeDialect(ids, /*named=*/true).encode(job, job.event(type, 1'234'567, false), text);
  return text;
}

/// JSON as a worker may answer with: rows that differ in their numbers.
std::string large_result() {
  std::string rows = "[";
  for (int i = 0; rows.size() < kLargeResultBytes; ++i) {
    rows += R"({"row":)" + std::to_string(i * 7'919 % 10'007) + R"(,"name":"item )" +
            std::to_string(i) + R"(","ok":true},)";
  }
  rows.back() = ']';
  return rows;
}

void compress(benchmark::State& state, const std::vector<std::string>& events) {
  const std::vector<std::string_view> parts(events.begin(), events.end());
  Deflater deflater;
  Deflater::Block block;
  for (auto _ : state) {
    block = deflater.block(parts);
    benchmark::DoNotOptimize(block.bytes.data());
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes_in"] = static_cast<double>(block.sum.length);
  state.counters["bytes_out"] = static_cast<double>(block.bytes.size());
}

std::vector<std::string> snapshots(int count) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) {
    texts.push_back(event_text(i, EventType::kSnapshot));
  }
  return texts;
}

void BM_CompressKeepalive(benchmark::State& state) { compress(state, {": keepalive\n\n"}); }
void BM_CompressProgress(benchmark::State& state) {
  compress(state, {event_text(1, EventType::kProgress)});
}
void BM_CompressTurnOfTenJobs(benchmark::State& state) {
  std::vector<std::string> texts;
  for (int i = 0; i < 10; ++i) texts.push_back(event_text(i, EventType::kProgress));
  compress(state, texts);
}
void BM_CompressSnapshot(benchmark::State& state) { compress(state, snapshots(1)); }
void BM_CompressLargeResult(benchmark::State& state) {
  compress(state, {event_text(1, EventType::kSnapshot, large_result())});
}
void BM_CompressPieceOfOpening(benchmark::State& state) { compress(state, snapshots(150)); }

void BM_AddToSumOfStream(benchmark::State& state) {
  Deflater deflater;
  const std::string text = event_text(1, EventType::kProgress);
  const std::string_view part = text;
  const BlockSum added = deflater.block({&part, 1}).sum;
  GzipSum sum;
  for (auto _ : state) {
    sum.add(added);
    benchmark::DoNotOptimize(sum.crc);
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(BM_CompressKeepalive);
BENCHMARK(BM_CompressProgress);
BENCHMARK(BM_CompressTurnOfTenJobs);
BENCHMARK(BM_CompressSnapshot);
BENCHMARK(BM_CompressLargeResult);
BENCHMARK(BM_CompressPieceOfOpening);
BENCHMARK(BM_AddToSumOfStream);

}  // namespace
}  // namespace progressd

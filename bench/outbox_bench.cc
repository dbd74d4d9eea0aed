// What a slow reader costs: frames queued, conflated, gathered and taken off.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <vector>

#include "core/stream/outbox.h"

namespace progressd {
namespace {

constexpr std::size_t kFrames = 64;
constexpr std::size_t kGatherMax = 16;

std::vector<FrameRef> frames(bool conflatable, TopicId topics) {
  const std::string bytes(200, 'x');
  std::vector<FrameRef> made;
  for (Sequence sequence = 1; sequence <= kFrames; ++sequence) {
    made.push_back(FrameRef({bytes}, {1 + sequence % topics, sequence, conflatable, conflatable}));
  }
  return made;
}

/// A batch is queued, and written in gathers with a short write at the end of each.
void BM_QueueAndWrite(benchmark::State& state) {
  const std::vector<FrameRef> batch = frames(/*conflatable=*/false, 1);
  Outbox outbox;
  for (auto _ : state) {
    for (const FrameRef& frame : batch) outbox.push(frame);
    while (!outbox.empty()) {
      std::array<std::string_view, kGatherMax> room;
      const std::size_t filled = outbox.gather(room);
      std::size_t bytes = 0;
      for (std::size_t i = 0; i < filled; ++i) bytes += room[i].size();
      outbox.consume(bytes > 7 ? bytes - 7 : bytes);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kFrames));
}
BENCHMARK(BM_QueueAndWrite);

/// A reader that takes nothing while its topics go on.
void BM_Conflate(benchmark::State& state) {
  const std::vector<FrameRef> batch =
      frames(/*conflatable=*/true, static_cast<TopicId>(state.range(0)));
  Outbox outbox;
  for (auto _ : state) {
    for (const FrameRef& frame : batch) benchmark::DoNotOptimize(outbox.push(frame));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kFrames));
}
BENCHMARK(BM_Conflate)->Arg(1)->Arg(16)->Arg(64);

}  // namespace
}  // namespace progressd

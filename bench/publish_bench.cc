// What the hub costs per event and subscriber, with readers that only count.
#include <benchmark/benchmark.h>

#include <deque>

#include "core/jobs/job_json.h"
#include "core/stream/hub.h"

namespace progressd {
namespace {

constexpr Millis kSomeDay = 1'795'218'125'123;
constexpr std::size_t kHistoryMax = 256;

/// Touches each reader and each frame, as a connection must, and writes nothing.
class CountingSink final : public Sink {
 public:
  explicit CountingSink(std::size_t readers) : bytes_of_reader_(readers) {}
  void deliver(std::span<const FrameRef> frames, std::span<const SubscriberId> to, bool) override {
    for (const SubscriberId reader : to) {
      for (const FrameRef& frame : frames) bytes_of_reader_[reader] += frame.bytes().size();
    }
    deliveries += to.size() * frames.size();
  }
  std::uint64_t deliveries = 0;

 private:
  std::vector<std::uint64_t> bytes_of_reader_;
};

Query only(Topic& topic) {
  Query query;
  query.topics = {&topic};
  query.ends_with_topic = true;
  return query;
}

JobSpec job_spec(std::size_t number) {
  JobSpec spec;
  spec.id = "job-" + std::to_string(number);
  spec.owner = "ann";
  return spec;
}

/// One job, N readers: an event, and the flush of a loop turn.
void BM_PublishToOneTopic(benchmark::State& state) {
  const auto readers = static_cast<SubscriberId>(state.range(0));
  CountingSink sink(readers);
  const EventIds ids(1);
  const NativeDialect dialect(ids, true);
  Job job(job_spec(0), kSomeDay, 1);
  Hub hub({.events_max = kHistoryMax}, sink);
  for (SubscriberId id = 0; id < readers; ++id) {
    hub.subscribe(id, only(job.topic), {&dialect, Framing::kChunked}, 0);
  }
  Sequence sequence = 1;
  for (auto _ : state) {
    hub.publish(job.topic, job.event(EventType::kProgress, ++sequence, false));
    hub.flush();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(sink.deliveries));
}
BENCHMARK(BM_PublishToOneTopic)->Arg(1)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

/// N jobs with a reader each: an event of every job, then one flush.
void BM_PublishToAReaderEach(benchmark::State& state) {
  const auto readers = static_cast<SubscriberId>(state.range(0));
  CountingSink sink(readers);
  const EventIds ids(1);
  const NativeDialect dialect(ids, true);
  std::deque<Job> jobs;
  Hub hub({.events_max = kHistoryMax}, sink);
  Sequence sequence = 0;
  for (SubscriberId id = 0; id < readers; ++id) {
    Job& job = jobs.emplace_back(job_spec(id), kSomeDay, ++sequence);
    hub.subscribe(id, only(job.topic), {&dialect, Framing::kChunked}, 0);
  }
  for (auto _ : state) {
    for (Job& job : jobs)
      hub.publish(job.topic, job.event(EventType::kProgress, ++sequence, false));
    hub.flush();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(sink.deliveries));
}
BENCHMARK(BM_PublishToAReaderEach)->Arg(1'000)->Arg(10'000);

/// Readers that come and go at a topic with many others.
void BM_SubscribeAndUnsubscribe(benchmark::State& state) {
  const auto readers = static_cast<SubscriberId>(state.range(0));
  CountingSink sink(readers + 1);
  const EventIds ids(1);
  const NativeDialect dialect(ids, true);
  Job job(job_spec(0), kSomeDay, 1);
  Hub hub({.events_max = kHistoryMax}, sink);
  for (SubscriberId id = 0; id < readers; ++id) {
    hub.subscribe(id, only(job.topic), {&dialect, Framing::kChunked}, 0);
  }
  for (auto _ : state) {
    hub.subscribe(readers, only(job.topic), {&dialect, Framing::kChunked}, 0);
    hub.unsubscribe(readers);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SubscribeAndUnsubscribe)->Arg(1)->Arg(100'000);

}  // namespace
}  // namespace progressd

// The whole way of an object posted to a progress channel: its JSON, the change, the journal, the
// channel, the event, its frame, and one reader; with the journal in memory.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "core/base/json_object.h"
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
  }
  std::uint64_t events = 0;
};

class ValueDialect final : public Dialect {
 public:
  bool encode(const Subject&, const Event& event, std::string& out) const override {
    append_sse({}, "1f3a9c04-17", event.message.view(), out);
    return true;
  }
};

/// An object with a text of so many bytes, and the padding that the reader wants.
std::string object_text(std::size_t message_bytes) {
  return "{\"completed\":3,\"total\":10,\"status\":\"processing\",\"message\":\"" +
         std::string(message_bytes, 'm') + "\"}" + std::string(kJsonPaddingBytes, '\0');
}

std::string_view without_padding(const std::string& text) {
  return std::string_view(text).substr(0, text.size() - kJsonPaddingBytes);
}

/// Channels with a reader each, told in turn; every object is flushed on its own.
void BM_PostToChannel(benchmark::State& state) {
  constexpr std::size_t kChannels = 1'000;
  const std::string text = object_text(static_cast<std::size_t>(state.range(0)));
  FixedRandom random;
  MemoryJournal journal(random);
  JobTable jobs{JobTableLimits{}};
  ChannelTable channels{ChannelLimits{}};
  CountingSink sink;
  const ValueDialect dialect;
  Hub hub({.events_max = kHistoryMax}, sink);
  Ledger ledger(journal, jobs, channels, hub);
  JsonObjectReader reader;
  std::vector<std::string> users;
  for (SubscriberId id = 0; id < kChannels; ++id) {
    Query query;
    query.group = group_of_channel(users.emplace_back("user_" + std::to_string(id)));
    hub.subscribe(id, std::move(query), {&dialect, Framing::kChunked}, 0);
  }
  std::size_t next = 0;
  for (auto _ : state) {
    Result<JsonObject> object = reader.read(without_padding(text), "status", kChannelValueBytesMax);
    if (!object) std::abort();
    Change change = make_change(ChangeKind::kChannelPost, users[next++ % kChannels], kSomeDay);
    change.value = ChannelValue{Text(object->text), std::move(object->field)};
    ledger.commit(std::move(change), [](std::span<const Outcome> outcomes) {
      if (outcomes.front().error) std::abort();
    });
    hub.flush();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(sink.events));
}
BENCHMARK(BM_PostToChannel)->Arg(30)->Arg(1'000)->Arg(100'000);

/// The JSON alone.
void BM_ReadObject(benchmark::State& state) {
  const std::string text = object_text(static_cast<std::size_t>(state.range(0)));
  JsonObjectReader reader;
  for (auto _ : state) {
    const Result<JsonObject> object =
        reader.read(without_padding(text), "status", kChannelValueBytesMax);
    benchmark::DoNotOptimize(object->text.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}
BENCHMARK(BM_ReadObject)->Arg(30)->Arg(100'000);

}  // namespace
}  // namespace progressd

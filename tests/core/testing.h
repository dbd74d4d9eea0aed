// What the suites of core share: a clock that a test moves, chance that it can repeat, texts as
// JsonReader wants them, a job table that counts its own sequences, and a sink that remembers.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/json_read.h"
#include "core/base/result.h"
#include "core/jobs/change.h"
#include "core/jobs/job_table.h"
#include "core/stream/hub.h"

namespace progressd::testing {

/// 2026-11-20T23:42:05.123Z, when most tests begin.
inline constexpr Millis kSomeDay = 1'795'218'125'123;

class ManualClock final : public Clock {
 public:
  Millis wall_at() const override { return now_.wall; }
  Millis steady_at() const override { return now_.steady; }
  void go_on_from(Millis steady_at) override { now_.steady = std::max(now_.steady, steady_at); }
  void advance(Millis by) { now_ = {now_.wall + by, now_.steady + by}; }
  /// Somebody sets the wall clock.
  void step(Millis by) { now_.wall += by; }

 private:
  Moment now_ = kSomeDay;
};

/// The seed of a property test: PROGRESSD_TEST_SEED repeats a run.
inline std::uint64_t test_seed() {
  if (const char* given = std::getenv("PROGRESSD_TEST_SEED")) {
    return std::strtoull(given, nullptr, 10);
  }
  return (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}();
}
/// For SCOPED_TRACE: how to run it again.
inline std::string seed_note(std::uint64_t seed) {
  return "repeat with PROGRESSD_TEST_SEED=" + std::to_string(seed);
}

class Chance final : public Random {
 public:
  explicit Chance(std::uint64_t seed) : numbers_(seed) {}
  std::uint64_t next() override { return numbers_(); }
  /// From `min` to `max`, both included.
  std::int64_t between(std::int64_t min, std::int64_t max) {
    return std::uniform_int_distribution<std::int64_t>(min, max)(numbers_);
  }
  /// 0 to `count` − 1.
  std::size_t index(std::size_t count) {
    return static_cast<std::size_t>(between(0, static_cast<std::int64_t>(count) - 1));
  }
  bool one_in(std::int64_t n) { return between(1, n) == 1; }

 private:
  std::mt19937_64 numbers_;
};

/// A text with the readable bytes behind it that JsonReader asks for. They are no spaces, so that
/// a reader which looks at them is found out.
class Padded {
 public:
  explicit Padded(std::string_view text) : size_(text.size()), bytes_(text) {
    bytes_.append(kJsonPaddingBytes, '7');
  }
  std::string_view view() const { return std::string_view(bytes_).substr(0, size_); }

 private:
  std::size_t size_;
  std::string bytes_;
};

template <class T>
std::optional<Errc> error_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().code);
}
inline std::optional<Errc> error_of(const Outcome& outcome) {
  return outcome.error ? std::optional(outcome.error->code) : std::nullopt;
}

inline JobSpec job_spec(std::string id, Runner runner, std::int64_t total = 100) {
  JobSpec spec;
  spec.id = std::move(id);
  spec.runner = runner;
  spec.owner = "ann";
  spec.total = total;
  return spec;
}

inline Change creation(JobSpec spec, Moment at, std::optional<IdempotencyKey> key = std::nullopt) {
  Change change = make_change(ChangeKind::kCreate, spec.id, at);
  change.creation = std::make_unique<Creation>(Creation{std::move(spec), std::move(key)});
  return change;
}

inline Change reporting(std::string id, Report report, Moment at) {
  Change change = make_change(ChangeKind::kReport, std::move(id), at);
  change.report = std::move(report);
  return change;
}

inline Report report_done(std::int64_t done) {
  Report report;
  report.done = done;
  return report;
}
inline Report report_state(State state) {
  Report report;
  report.state = state;
  return report;
}

/// A job table with its own journal order and a clock that stands until a test moves it.
class DrivenTable {
 public:
  explicit DrivenTable(const JobTableLimits& limits = {}) : jobs(limits) {}

  Outcome apply(const Change& change) { return jobs.apply(++sequence, change); }
  Outcome create(JobSpec spec, std::optional<IdempotencyKey> key = std::nullopt) {
    return apply(creation(std::move(spec), at, std::move(key)));
  }
  Outcome report(std::string id, Report report) {
    return apply(reporting(std::move(id), std::move(report), at));
  }
  Outcome change(ChangeKind kind, std::string id) {
    return apply(make_change(kind, std::move(id), at));
  }

  JobTable jobs;
  Sequence sequence = 0;
  Moment at = kSomeDay;
};

/// A topic outside of any job table.
class NamedTopic final : public Subject {
 public:
  NamedTopic(TopicId id, std::string name) : topic(id, *this), name_(std::move(name)) {}
  std::string topic_name() const override { return name_; }
  Topic topic;

 private:
  std::string name_;
};

/// A one-job stream: it ends with its topic.
inline Query only(Topic& topic) {
  Query query;
  query.topics = {&topic};
  query.ends_with_topic = true;
  return query;
}
inline Query list_of(std::vector<Topic*> topics) {
  Query query;
  query.topics = std::move(topics);
  return query;
}
inline Query all_of(std::string group, std::string also = "") {
  Query query;
  query.group = std::move(group);
  query.also_group = std::move(also);
  return query;
}

inline Event event_of(Sequence sequence, EventType type = EventType::kProgress,
                      bool state_changed = false) {
  Event event;
  event.sequence = sequence;
  event.type = type;
  event.state_changed = state_changed;
  return event;
}

/// Says no more than who it is and which event: `id: 7`, `data: "job:a"`.
class PlainDialect final : public Dialect {
 public:
  bool encode(const Subject& subject, const Event& event, std::string& out) const override {
    ++encoded;
    append_sse("", std::to_string(event.sequence), "\"" + subject.topic_name() + "\"", out);
    return true;
  }
  mutable int encoded = 0;
};

/// A sink whose readers take everything at once; it remembers which events each got.
class RecordingSink final : public Sink {
 public:
  void deliver(std::span<const FrameRef> frames, std::span<const SubscriberId> to,
               bool ends) override {
    ++deliveries;
    for (const SubscriberId reader : to) {
      for (const FrameRef& frame : frames) {
        events[reader].push_back(frame.about().sequence);
        bytes[reader].append(frame.bytes());
      }
      if (ends) ended[reader] = true;
    }
  }

  std::map<SubscriberId, std::vector<Sequence>> events;
  std::map<SubscriberId, std::string> bytes;
  std::map<SubscriberId, bool> ended;
  int deliveries = 0;
};

}  // namespace progressd::testing

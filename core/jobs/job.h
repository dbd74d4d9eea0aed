// A job: its fields, its states, and the estimate of its rate. Everything here changes only by
// JobTable::apply(), so that the same changes in the same order give the same jobs anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/stream/topic.h"

namespace progressd {

enum class State : std::uint8_t { kPending, kActive, kCompleted, kFailed, kCancelled };
inline constexpr std::size_t kStates = 5;

constexpr bool is_terminal(State state) { return state >= State::kCompleted; }
std::string_view state_name(State state);
std::optional<State> state_of_name(std::string_view name);

/// Who does the work.
enum class Runner : std::uint8_t { kCpu, kTimer, kExternal };
inline constexpr std::size_t kRunners = 3;
std::string_view runner_name(Runner runner);
std::optional<Runner> runner_of_name(std::string_view name);

inline constexpr std::int64_t kTotalMax = 9'007'199'254'740'991;  // 2^53 − 1
inline constexpr std::size_t kIdBytesMax = 128;
inline constexpr std::size_t kKindBytesMax = 64;
inline constexpr std::size_t kOwnerBytesMax = 256;
inline constexpr std::size_t kMessageBytesMax = 4096;
inline constexpr std::size_t kResultBytesMax = 256 * 1024;

/// What the creator says; it never changes.
struct JobSpec {
  std::string id;
  Text kind;
  Runner runner = Runner::kTimer;
  bool removed_once_told = false;  // when it is over, as soon as a reader of it was told so
  std::string owner;
  std::int64_t total = 100;
  Text message;
  Millis step_ms = 100;            // timer: between two steps
  Millis last_step_more_ms = 0;    // timer: by which the last step is longer
  std::int64_t step_work_ms = 10;  // cpu: milliseconds of CPU a step
  std::int64_t fail_at = 0;        // the `done` at which a built-in job fails; 0: it doesn't
  Text failed_reason;              // of that failure
  Text result;                     // JSON, set on completion
  std::int64_t repeat = 1;         // rounds; 0: for ever
  Millis stall_after_ms = 0;       // external: fails when unreported for so long; 0: never
  Text traceparent;                // of the request that made it; see traceparent.h

  /// timer: of the step by which `done` becomes that.
  Millis step_ms_to(std::int64_t done_then) const {
    return done_then == total ? step_ms + last_step_more_ms : step_ms;
  }
};

/// Progress per second as an exponentially weighted mean over the last seconds, of the steady
/// clock.
class RateEstimate {
 public:
  /// All of it, to be kept over a restart.
  struct Parts {
    double per_second = 0;
    std::int64_t uncounted = 0;
    Millis last_at = 0;
  };
  RateEstimate() = default;
  explicit RateEstimate(const Parts& parts)
      : per_second_(parts.per_second), uncounted_(parts.uncounted), last_at_(parts.last_at) {}
  Parts parts() const { return {per_second_, uncounted_, last_at_}; }

  void start(Millis at) { last_at_ = at; }
  void add(std::int64_t steps, Millis at);
  /// 0 while unknown.
  double per_second() const { return per_second_; }

 private:
  double per_second_ = 0;
  std::int64_t uncounted_ = 0;  // steps within the same millisecond
  Millis last_at_ = 0;
};

class Job final : public Subject {
 public:
  Job(JobSpec job_spec, Moment at, Sequence sequence)
      : spec(std::move(job_spec)),
        total(spec.total),
        message(spec.message),
        created_at(at.wall),
        last_report_at(at.steady),
        created_sequence(sequence),
        last_sequence(sequence),
        topic(sequence, *this) {}

  std::string topic_name() const override { return "job:" + spec.id; }

  /// Fetches what a change of the job touches into the processor's cache.
  void prefetch() const;

  /// 100·done/total in hundredths, rounded.
  static std::int64_t percent_hundredths(std::int64_t done, std::int64_t total);
  /// Whole seconds until the last step, at the present rate; −1 while unknown.
  std::int32_t eta_seconds() const;
  /// What the job's topic tells now.
  Event event(EventType type, Sequence sequence, bool state_changed) const;

  /// What it takes with its texts, without its history. A message counts only as it was at first.
  std::size_t held_bytes() const;

  const JobSpec spec;
  State state = State::kPending;
  std::int64_t done = 0;
  std::int64_t total;
  std::int64_t rounds = 0;  // that came to their end
  Text message;
  Text result;  // JSON
  Text failed_reason;
  Millis created_at;
  Millis started_at = 0;   // 0: not yet
  Millis finished_at = 0;  // 0: not yet
  // Of the steady clock, for ages.
  Millis over_since = 0;  // 0: it is not over
  Millis last_report_at;
  std::uint32_t attempt = 1;
  RateEstimate rate;
  Sequence created_sequence;
  Sequence last_sequence;         // of the latest event
  Sequence removed_sequence = 0;  // 0: it is in the table
  Topic topic;
};

}  // namespace progressd

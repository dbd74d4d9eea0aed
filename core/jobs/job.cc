#include "core/jobs/job.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace progressd {
namespace {

constexpr std::array<std::string_view, kStates> kStateNames{"pending", "active", "completed",
                                                            "failed", "cancelled"};
constexpr std::array<std::string_view, kRunners> kRunnerNames{"cpu", "timer", "external"};
/// After so long a change of pace is two thirds believed.
constexpr double kRateMemoryMs = 5'000;
constexpr double kEtaSecondsMax = 2'000'000'000;

template <class Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

}  // namespace

std::string_view state_name(State state) { return kStateNames[static_cast<std::size_t>(state)]; }
std::optional<State> state_of_name(std::string_view name) {
  return find_name<State>(kStateNames, name);
}
std::string_view runner_name(Runner runner) {
  return kRunnerNames[static_cast<std::size_t>(runner)];
}
std::optional<Runner> runner_of_name(std::string_view name) {
  return find_name<Runner>(kRunnerNames, name);
}

void RateEstimate::add(std::int64_t steps, Millis at) {
  uncounted_ += steps;
  const Millis passed = at - last_at_;
  if (passed < 0) {  // two nodes' clocks are never quite the same: count from there
    last_at_ = at;
    uncounted_ = 0;
  }
  if (passed <= 0) return;
  const double sample = static_cast<double>(uncounted_) * 1000.0 / static_cast<double>(passed);
  const double weight = 1.0 - std::exp(-static_cast<double>(passed) / kRateMemoryMs);
  per_second_ = per_second_ == 0 ? sample : per_second_ + weight * (sample - per_second_);
  uncounted_ = 0;
  last_at_ = at;
}

void Job::prefetch() const {
  constexpr std::size_t kCacheLineBytes = 64;
  const char* const begin = reinterpret_cast<const char*>(this);
  for (std::size_t at = 0; at < sizeof(Job); at += kCacheLineBytes) {
    __builtin_prefetch(begin + at, /*rw=*/1);
  }
}

std::int64_t Job::percent_hundredths(std::int64_t done, std::int64_t total) {
  // Most jobs are small enough for a division that the processor has.
  constexpr std::int64_t kNarrowDoneMax = std::int64_t{1} << 48;
  static_assert(kNarrowDoneMax < (INT64_MAX - kTotalMax) / 20'000);
  if (done <= kNarrowDoneMax) return (done * 20'000 + total) / (2 * total);
  __extension__ using Wide = __int128;
  return static_cast<std::int64_t>((static_cast<Wide>(done) * 20'000 + total) / (2 * Wide{total}));
}

std::int32_t Job::eta_seconds() const {
  if (state == State::kCompleted) return 0;
  // An external job has one round, whatever its creator said.
  const bool is_external = spec.runner == Runner::kExternal;
  const std::int64_t repeat = is_external ? 1 : spec.repeat;
  if (state != State::kActive || rate.per_second() <= 0 || repeat == 0) return -1;
  // Between two rounds `done` still shows the end of the one that is counted already.
  const double steps_left = static_cast<double>(repeat - rounds) * static_cast<double>(total) -
                            (done == total && !is_external ? 0.0 : static_cast<double>(done));
  return static_cast<std::int32_t>(
      std::min(kEtaSecondsMax, std::ceil(steps_left / rate.per_second())));
}

std::size_t Job::held_bytes() const {
  const std::size_t texts = spec.id.size() + spec.owner.size() + spec.message.view().size() +
                            spec.failed_reason.view().size() + spec.result.view().size() +
                            spec.traceparent.view().size();
  return sizeof(Job) + texts + (result == spec.result ? 0 : result.view().size()) +
         (failed_reason == spec.failed_reason ? 0 : failed_reason.view().size());
}

Event Job::event(EventType type, Sequence sequence, bool state_changed) const {
  Event event;
  event.sequence = sequence;
  event.done = done;
  event.total = total;
  event.message = message;
  event.rate_per_second = rate.per_second();
  event.eta_seconds = eta_seconds();
  event.attempt = attempt;
  event.type = type;
  event.state = static_cast<std::uint8_t>(state);
  event.state_changed = state_changed;
  return event;
}

}  // namespace progressd

#include "event_checks.h"

#include <fmt/format.h>

namespace sseload {

EventChecks::EventChecks(const CheckOptions& options, Tally& tally)
    : options_(options), seq_(options.seq_field), time_(options.time_field), tally_(tally) {}

void EventChecks::on_event(Stream& stream, std::uint32_t number, const SseEvent& event,
                           Nanoseconds now) {
  if (!event.is_dispatched) {
    if (event.id && options_.checks_ids) check_event_id(stream, number, *event.id);
    return;
  }
  EventKind& kind = tally_.kinds.of(event.name);
  ++kind.count;
  ++tally_.events;
  tally_.last_event_ns = now;
  if (kind.is_terminal) stream.saw_terminal = true;
  if (kind.is_forbidden) {
    ++tally_.faults.forbidden;
    if (tally_.wants_notes()) {
      tally_.note(
          fmt::format("stream {}: event '{}' {}", number, event.name, event.data.substr(0, 200)));
    }
  }
  if (kind.is_unchecked) return;
  ++stream.events;
  ++tally_.counted_events;
  if (event.id && options_.checks_ids) check_event_id(stream, number, *event.id);
  if (seq_.is_set()) check_number(stream, number, event.data, now);
  // What waited for a reader that did not read says nothing about the server.
  if (time_.is_set() && !stream.was_stuck) take_time(event.data, now);
}

void EventChecks::check_event_id(Stream& stream, std::uint32_t number, std::string_view id) {
  const EventId split = split_event_id(id);
  const std::uint32_t hint =
      stream.id.prefix == PrefixTable::kNone ? latest_prefix_ : stream.id.prefix;
  const std::uint32_t prefix =
      split.is_comparable ? prefixes_.number_of(split.prefix, hint) : PrefixTable::kNone;
  if (prefix == PrefixTable::kNone) {
    ++tally_.ids_not_comparable;
    return;
  }
  latest_prefix_ = prefix;
  const std::uint64_t last = stream.id.last;
  bool is_new_prefix = false;
  const Verdict verdict = check_id(stream.id, prefix, split.number, is_new_prefix);
  if (is_new_prefix) ++tally_.id_prefix_changes;
  if (verdict == Verdict::kInOrder) return;
  ++(verdict == Verdict::kDuplicate ? tally_.faults.id_duplicates : tally_.faults.id_reordered);
  if (tally_.wants_notes()) {
    tally_.note(fmt::format("stream {}: id '{}' after {}", number, id, last));
  }
}

void EventChecks::check_number(Stream& stream, std::uint32_t number, std::string_view data,
                               Nanoseconds now) {
  const auto value = seq_.find(data);
  if (!value) {
    ++tally_.without_seq;
    return;
  }
  SeqRule rule = options_.seq;
  if (stream.was_stuck) rule = SeqRule{};  // progress may have been conflated for it
  const bool was_set = stream.seq.is_set;
  const std::int64_t last = stream.seq.last;
  std::uint64_t missing = 0;
  const Verdict verdict = check_seq(stream.seq, *value, rule, missing);
  if (options_.pace_ns > 0 && !stream.was_stuck) take_pace(stream, *value, now);
  if (verdict == Verdict::kInOrder) return;
  EventFaults& faults = tally_.faults;
  faults.missing += missing;
  ++(verdict == Verdict::kGap         ? faults.gaps
     : verdict == Verdict::kDuplicate ? faults.duplicates
                                      : faults.reordered);
  if (!tally_.wants_notes()) return;
  tally_.note(
      was_set ? fmt::format("stream {}: {} {} after {}", number, options_.seq_field, *value, last)
              : fmt::format("stream {}: {} {} first", number, options_.seq_field, *value));
}

void EventChecks::take_time(std::string_view data, Nanoseconds now) {
  const auto stamp = time_.find(data);
  if (!stamp) {
    ++tally_.without_time;
    return;
  }
  if (!tally_.is_measuring) return;
  const Nanoseconds at =
      options_.time_clock == CLOCK_MONOTONIC ? now : read_clock(options_.time_clock);
  const Nanoseconds sent = *stamp * options_.time_unit_ns;
  if (sent < tally_.measured_from_ns && options_.time_clock == CLOCK_MONOTONIC) return;  // warmup
  tally_.latency.record(at - sent);
}

void EventChecks::take_pace(Stream& stream, std::int64_t value, Nanoseconds now) {
  // The stream's best event defines its pace; how much later than that is lateness.
  const Nanoseconds origin = now - value * options_.pace_ns;
  if (!stream.has_pace || origin < stream.since_ns) stream.since_ns = origin;
  stream.has_pace = true;
  if (tally_.is_measuring) tally_.latency.record(origin - stream.since_ns);
}

}  // namespace sseload

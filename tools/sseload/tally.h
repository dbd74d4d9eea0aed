// Why: what was received, and what was wrong with it. Filled by streams and checks, read by the run
//      (to know when all is there) and by the report.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "clock.h"
#include "histogram.h"
#include "options.h"

namespace sseload {

/// What is known of one `event:` name.
struct EventKind {
  std::string name;  ///< as in the stream; empty: the default
  std::uint64_t count = 0;
  bool is_terminal = false;
  bool is_unchecked = false;
  bool is_forbidden = false;
};

class EventKinds {
 public:
  explicit EventKinds(const CheckOptions& checks) : checks_(checks) {}
  /// Names beyond kKindsMax share one entry, "(other)".
  EventKind& of(std::string_view name);
  const std::vector<EventKind>& all() const { return kinds_; }

 private:
  static constexpr std::size_t kKindsMax = 64;
  const CheckOptions& checks_;
  std::vector<EventKind> kinds_;
  std::size_t latest_ = 0;
};

/// Faults of the events themselves; any of them fails the run.
struct EventFaults {
  std::uint64_t gaps = 0;
  std::uint64_t missing = 0;  ///< events that the gaps are worth
  std::uint64_t duplicates = 0;
  std::uint64_t reordered = 0;
  std::uint64_t id_duplicates = 0;
  std::uint64_t id_reordered = 0;
  std::uint64_t cut = 0;  ///< streams that ended inside an event
  std::uint64_t forbidden = 0;
  std::uint64_t short_streams = 0;  ///< streams with fewer events than expected
  std::uint64_t short_events = 0;   ///< events that they lack
  std::uint64_t surplus_events = 0;

  std::uint64_t sum() const {
    return gaps + duplicates + reordered + id_duplicates + id_reordered + cut + forbidden +
           short_streams + surplus_events;
  }
};

/// What became of the connections.
struct StreamFates {
  std::uint64_t opened = 0;       ///< got their response head; reconnects not counted again
  std::uint64_t failed = 0;       ///< never got there
  std::uint64_t finished = 0;     ///< ended as they may
  std::uint64_t dropped = 0;      ///< ended otherwise
  std::uint64_t stuck_ended = 0;  ///< the server gave up on a reader that does not read
  std::uint64_t reconnects = 0;
  std::map<std::string, std::uint64_t> reasons;  ///< of failed and dropped
};

struct Tally {
  explicit Tally(const CheckOptions& checks) : kinds(checks) {}

  EventKinds kinds;
  EventFaults faults;
  StreamFates fates;
  std::uint64_t events = 0;
  std::uint64_t counted_events = 0;  ///< those that --expect-events counts
  std::uint64_t bytes = 0;
  std::uint64_t reads = 0;
  std::uint64_t ids_not_comparable = 0;
  std::uint64_t id_prefix_changes = 0;
  std::uint64_t without_seq = 0;
  std::uint64_t without_time = 0;
  Histogram opening;  ///< connect → response head
  Histogram latency;
  Nanoseconds last_event_ns = 0;

  /// The window that rates and latency speak of.
  bool is_measuring = false;
  Nanoseconds measured_from_ns = 0;
  std::uint64_t events_before = 0;
  std::uint64_t bytes_before = 0;
  std::uint64_t reads_before = 0;

  void begin_measuring(Nanoseconds now);
  /// The first few faults in words.
  void note(std::string text);
  const std::vector<std::string>& notes() const { return notes_; }
  bool wants_notes() const { return notes_.size() < kNotesMax; }

 private:
  static constexpr std::size_t kNotesMax = 20;
  std::vector<std::string> notes_;
};

}  // namespace sseload

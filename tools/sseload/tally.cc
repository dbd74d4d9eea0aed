#include "tally.h"

#include <algorithm>

namespace sseload {

EventKind& EventKinds::of(std::string_view name) {
  if (latest_ < kinds_.size() && kinds_[latest_].name == name) return kinds_[latest_];
  for (latest_ = 0; latest_ < kinds_.size(); ++latest_) {
    if (kinds_[latest_].name == name) return kinds_[latest_];
  }
  if (kinds_.size() > kKindsMax) {
    latest_ = kKindsMax;
    return kinds_.back();
  }
  const auto is_in = [name](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  EventKind kind;
  kind.name = kinds_.size() == kKindsMax ? "(other)" : std::string(name);
  kind.is_terminal = is_in(checks_.terminal_events);
  kind.is_unchecked = is_in(checks_.unchecked_events);
  kind.is_forbidden = is_in(checks_.forbidden_events);
  kinds_.push_back(std::move(kind));
  return kinds_.back();
}

void Tally::begin_measuring(Nanoseconds now) {
  is_measuring = true;
  measured_from_ns = now;
  events_before = events;
  bytes_before = bytes;
  reads_before = reads;
  latency.clear();
}

void Tally::note(std::string text) {
  if (wants_notes()) notes_.push_back(std::move(text));
}

}  // namespace sseload

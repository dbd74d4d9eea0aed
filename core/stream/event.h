// What a topic tells, in the form in which it is kept: numbers and one shared text, no bytes of
// any dialect. A frame is made of it when there is somebody to read it, and made again for a
// replay.
#pragma once

#include <cstdint>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/stream/event_id.h"

namespace progressd {

enum class EventType : std::uint8_t {
  kSnapshot,
  kProgress,
  kCompleted,
  kFailed,
  kCancelled,
  kRemoved,
};

inline constexpr bool is_terminal(EventType type) {
  return type == EventType::kCompleted || type == EventType::kFailed ||
         type == EventType::kCancelled;
}

struct Event {
  Sequence sequence = 0;
  std::int64_t done = 0;
  std::int64_t total = 0;
  Text message;
  double rate_per_second = 0;     // 0: not known
  std::int32_t eta_seconds = -1;  // -1: not known
  std::uint32_t attempt = 1;
  EventType type = EventType::kSnapshot;
  std::uint8_t state = 0;      // of the topic after this event, in its own numbering
  bool state_changed = false;  // by this event
  bool message_changed = false;

  /// Whether a newer progress event of the topic tells all that this one tells.
  bool conflatable() const { return type == EventType::kProgress && !state_changed; }
};

}  // namespace progressd

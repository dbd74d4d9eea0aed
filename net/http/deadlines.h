// One wheel for all deadlines of connections: when a request must be complete, when a stream gets
// its keepalive. An entry is a slot number of 4 bytes. Putting a deadline off costs nothing: the
// wheel looks at the connection at the earlier time and finds that it is not due yet.
//
// Invariant: an open connection with a deadline stands in the bucket of its wheel_tick, and
// wheel_tick is not later than due. Thread: the loop's.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "net/http/connection.h"

namespace progressd {

class Deadlines {
 public:
  Deadlines(ConnectionTable& connections, Tick now) : connections_(connections), now_(now) {}

  Tick now() const { return now_; }
  /// Ticks that cover `length`, at least one; the present tick has partly passed.
  static Tick ticks(Millis length) {
    return static_cast<Tick>((length + kTickMs - 1) / kTickMs) + 1;
  }

  /// From now on the connection is due at `due`, later or earlier than before.
  void set(std::uint32_t slot, Tick due);
  /// Calls `on_due` for each connection that is due by `now`; it sets the next deadline.
  void advance(Tick now, const std::function<void(std::uint32_t slot)>& on_due);

 private:
  static constexpr std::size_t kBuckets = 1024;  // a round takes 102 s

  ConnectionTable& connections_;
  Tick now_;
  std::array<std::vector<std::uint32_t>, kBuckets> buckets_;
};

}  // namespace progressd

#include "net/http/deadlines.h"

#include <algorithm>
#include <utility>

namespace progressd {

void Deadlines::set(std::uint32_t slot, Tick due) {
  Connection& connection = connections_.at(slot);
  connection.due = std::max(due, now_ + 1);
  if (connection.wheel_tick != 0 && connection.wheel_tick <= connection.due) return;
  connection.wheel_tick = std::min<Tick>(connection.due, now_ + kBuckets - 1);
  buckets_[connection.wheel_tick % kBuckets].push_back(slot);
}

void Deadlines::advance(Tick now, const std::function<void(std::uint32_t slot)>& on_due) {
  while (now_ < now) {
    ++now_;
    const std::vector<std::uint32_t> bucket = std::exchange(buckets_[now_ % kBuckets], {});
    for (const std::uint32_t slot : bucket) {
      Connection& connection = connections_.at(slot);
      if (connection.wheel_tick != now_) continue;  // of an earlier occupant, or moved
      connection.wheel_tick = 0;
      if (connection.state == Connection::State::kFree ||
          connection.state == Connection::State::kClosing) {
        continue;
      }
      if (connection.due > now_) {
        set(slot, connection.due);
      } else {
        on_due(slot);
      }
    }
  }
}

}  // namespace progressd

#include "net/http/later_turns.h"

#include <unordered_set>
#include <utility>

namespace progressd {

LaterTurns::LaterTurns(Loop& loop, GoOn go_on)
    : go_on_(std::move(go_on)), timer_(loop, [this] { take(); }) {}

void LaterTurns::add(ConnectionId id) {
  // Not at once: libuv runs a timer that is due before it looks at the sockets of the others.
  if (waiting_.empty()) timer_.start_in(1);
  waiting_.push_back(id);
}

void LaterTurns::take() {
  const std::uint64_t began = Loop::precise_ns();
  const std::vector<ConnectionId> waiting = std::exchange(waiting_, {});
  std::unordered_set<ConnectionId> taken;  // it may have been ready several times meanwhile
  auto next = waiting.begin();
  for (; next != waiting.end() && Loop::precise_ns() - began < kTurnShareNs; ++next) {
    if (taken.insert(*next).second) go_on_(*next);
  }
  if (next == waiting.end()) return;
  waiting_.insert(waiting_.begin(), next, waiting.end());  // they are first the next time
  timer_.start_in(1);
}

}  // namespace progressd

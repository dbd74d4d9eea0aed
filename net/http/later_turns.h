// Connections that have used up their part of a turn of the loop and go on in a later one. Those of
// others come first: what is left here waits until a timer is due.
//
// Thread: the loop's.
#pragma once

#include <functional>
#include <vector>

#include "net/http/connection.h"
#include "net/uv/timer.h"

namespace progressd {

class LaterTurns {
 public:
  using GoOn = std::function<void(ConnectionId id)>;

  /// `go_on` may add() the connection again. It may have been closed meanwhile.
  LaterTurns(Loop& loop, GoOn go_on);

  void add(ConnectionId id);

 private:
  void take();

  const GoOn go_on_;
  std::vector<ConnectionId> waiting_;
  Timer timer_;
};

}  // namespace progressd

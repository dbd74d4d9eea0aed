// Connections that have used up their part of a turn of the loop and go on in a later one, when the
// sockets of the others have been looked at. Each goes on once a turn, in the order in which they
// came.
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

// Waits for a socket that somebody else owns and closes, such as a client library's. For the few
// that there are; connections, which come in thousands, stand in a Poller.
#pragma once

#include <functional>

#include "net/uv/handle.h"
#include "net/uv/loop.h"

namespace progressd {

class SocketPoll {
 public:
  using OnReady = std::function<void(bool readable, bool writable)>;

  /// `fd` stays open as long as this is. `on_ready` may destroy it.
  SocketPoll(Loop& loop, int fd, OnReady on_ready);

  void want(bool readable, bool writable);

 private:
  OnReady on_ready_;
  Handle<uv_poll_t, SocketPoll> handle_;
};

}  // namespace progressd

// The poller: thousands of sockets in an epoll set of our own, which the loop polls through one
// uv_poll_t. A uv_tcp_t takes 248 bytes for each socket; here a socket takes none in user space
// but its owner's.
//
//   loop ── uv_poll_t ──► inner epoll set ──► socket, socket, …        an epoll_wait for some at
//   once
//
// Connections are edge-triggered and registered once for reading and writing, so that no write
// ever needs an epoll_ctl. Listening sockets are level-triggered.
#pragma once

#include <cstdint>
#include <functional>

#include "net/uv/handle.h"
#include "net/uv/loop.h"

namespace progressd {

struct Ready {
  bool readable;
  bool writable;
  bool hung_up;  // the peer closed its half, or the socket failed: read until the end
};

class Poller {
 public:
  /// `token` says whose socket it is. It may come once more for a socket closed in the same turn.
  using OnReady = std::function<void(std::uint64_t token, Ready ready)>;

  Poller(Loop& loop, OnReady on_ready);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  /// False when the kernel has no room for it. Closing the descriptor takes it out.
  [[nodiscard]] bool add_connection(int fd, std::uint64_t token);
  [[nodiscard]] bool add_listener(int fd, std::uint64_t token);
  void remove(int fd);

 private:
  void on_events();
  /// False when there was no more.
  bool take_events();

  OnReady on_ready_;
  int epoll_fd_;
  Handle<uv_poll_t, Poller> handle_;
};

}  // namespace progressd

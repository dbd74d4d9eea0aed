// Sockets that take what a test lets them take, and keep it.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "net/http/socket_io.h"

namespace progressd {

/// Sockets by number, in memory: each takes up to `room` bytes before it is full.
class FakeIo final : public SocketIo {
 public:
  struct Socket {
    std::string written;
    std::size_t room = SIZE_MAX;
    int writes = 0;
    bool failed = false;
    bool shut = false;
  };
  Outcome read(int, std::span<char>) override { return {Status::kWouldBlock, 0}; }
  Outcome write(int fd, std::span<const std::string_view> pieces) override {
    Socket& socket = sockets[fd];
    ++socket.writes;
    if (socket.failed) return {Status::kFailed, 0};
    std::size_t sent = 0;
    for (const std::string_view piece : pieces) {
      const std::size_t part = std::min(piece.size(), socket.room);
      socket.written.append(piece.substr(0, part));
      if (socket.room != SIZE_MAX) socket.room -= part;
      sent += part;
    }
    return {sent == 0 ? Status::kWouldBlock : Status::kOk, sent};
  }
  void shut_write(int fd) override { sockets[fd].shut = true; }
  void close(int fd) override { closed.insert(fd); }
  std::string peer(int) override { return {}; }

  std::map<int, Socket> sockets;
  std::set<int> closed;
};

}  // namespace progressd

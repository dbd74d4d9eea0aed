// Connected sockets in memory, as the kernel's behave: what a peer sends waits to be read, what is
// written is taken as far as there is room, and a reset fails both. Descriptors count from 0.
// Using a closed one, or closing it twice, is the server's fault and ends the run.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ensure.h"
#include "net/http/socket_io.h"
#include "net/uv/poller.h"

namespace progressd::fuzz {

class MemorySockets final : public SocketIo {
 public:
  struct Socket {
    std::string incoming;         // sent by the peer, not read yet
    std::string outgoing;         // written by the server
    std::size_t room = SIZE_MAX;  // bytes that it takes before it is full
    bool ended = false;           // the peer sends no more
    bool reset = false;           // the peer has gone without reading
    bool shut = false;            // the server writes no more
    bool closed = false;          // by the server
  };

  int add() {
    sockets_.emplace_back();
    return static_cast<int>(sockets_.size()) - 1;
  }
  Socket& at(int fd) { return sockets_.at(static_cast<std::size_t>(fd)); }
  /// What an edge of the poller says of it now.
  Ready ready(int fd) {
    const Socket& socket = at(fd);
    const bool hung_up = socket.ended || socket.reset;
    return {!socket.incoming.empty() || hung_up, socket.room > 0 || socket.reset, hung_up};
  }

  Outcome read(int fd, std::span<char> room) override {
    Socket& socket = open(fd);
    if (socket.reset) return {Status::kFailed, 0};
    if (socket.incoming.empty()) return {socket.ended ? Status::kEnd : Status::kWouldBlock, 0};
    const std::size_t taken = std::min(room.size(), socket.incoming.size());
    std::copy_n(socket.incoming.begin(), taken, room.begin());
    socket.incoming.erase(0, taken);
    return {Status::kOk, taken};
  }
  Outcome write(int fd, std::span<const std::string_view> pieces) override {
    Socket& socket = open(fd);
    ENSURE(!socket.shut);
    ENSURE(!pieces.empty() && pieces.size() <= kPiecesMax);
    if (socket.reset) return {Status::kFailed, 0};
    std::size_t sent = 0;
    for (const std::string_view piece : pieces) {
      const std::size_t part = std::min(piece.size(), socket.room);
      socket.outgoing.append(piece.substr(0, part));
      if (socket.room != SIZE_MAX) socket.room -= part;
      sent += part;
    }
    return sent == 0 ? Outcome{Status::kWouldBlock, 0} : Outcome{Status::kOk, sent};
  }
  void shut_write(int fd) override { open(fd).shut = true; }
  void close(int fd) override { open(fd).closed = true; }
  std::string peer(int fd) override {
    return "192.0.2.1:" + std::to_string(10'000 + fd);  // RFC 5737: for documentation
  }

 private:
  Socket& open(int fd) {
    Socket& socket = at(fd);
    ENSURE(!socket.closed);
    return socket;
  }

  std::vector<Socket> sockets_;
};

}  // namespace progressd::fuzz

// Why: the one place that waits. Tags tell streams from publish connections.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

#include "clock.h"

namespace sseload {

enum class SocketKind : std::uint8_t { kStream, kPublish, kSignal };

class Epoll {
 public:
  Epoll();
  ~Epoll();
  Epoll(const Epoll&) = delete;
  Epoll& operator=(const Epoll&) = delete;

  bool is_open() const { return fd_ >= 0; }
  /// Closing the descriptor is what removes it again.
  bool add(int fd, std::uint32_t interest, SocketKind kind, std::uint32_t number) const;
  bool modify(int fd, std::uint32_t interest, SocketKind kind, std::uint32_t number) const;
  /// The ready part of `room`; empty after `timeout_ns` or a signal.
  std::span<const epoll_event> wait(std::span<epoll_event> room, Nanoseconds timeout_ns) const;

  static SocketKind kind_of(const epoll_event& event) {
    return static_cast<SocketKind>(event.data.u64 >> 32);
  }
  static std::uint32_t number_of(const epoll_event& event) {
    return static_cast<std::uint32_t>(event.data.u64);
  }

 private:
  int fd_;
};

}  // namespace sseload

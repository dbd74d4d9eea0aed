#include "epoll.h"

#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace sseload {
namespace {

epoll_event tagged(std::uint32_t interest, SocketKind kind, std::uint32_t number) {
  epoll_event event{};
  event.events = interest;
  event.data.u64 = static_cast<std::uint64_t>(kind) << 32 | number;
  return event;
}

}  // namespace

Epoll::Epoll() : fd_(epoll_create1(EPOLL_CLOEXEC)) {}

Epoll::~Epoll() {
  if (fd_ >= 0) close(fd_);
}

bool Epoll::add(int fd, std::uint32_t interest, SocketKind kind, std::uint32_t number) const {
  epoll_event event = tagged(interest, kind, number);
  return epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool Epoll::modify(int fd, std::uint32_t interest, SocketKind kind, std::uint32_t number) const {
  epoll_event event = tagged(interest, kind, number);
  return epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &event) == 0;
}

std::span<const epoll_event> Epoll::wait(std::span<epoll_event> room,
                                         Nanoseconds timeout_ns) const {
  const Nanoseconds bounded = std::clamp<Nanoseconds>(timeout_ns, 0, kSecond);
  const timespec timeout{bounded / kSecond, bounded % kSecond};
  const int count =
      epoll_pwait2(fd_, room.data(), static_cast<int>(room.size()), &timeout, nullptr);
  return room.first(static_cast<std::size_t>(std::max(count, 0)));
}

}  // namespace sseload

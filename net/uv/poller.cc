#include "net/uv/poller.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "core/base/ensure.h"

namespace progressd {
namespace {

constexpr std::size_t kEventsAtOnce = 32;

bool add(int epoll_fd, int fd, std::uint32_t events, std::uint64_t token) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Poller::Poller(Loop& loop, OnReady on_ready)
    : on_ready_(std::move(on_ready)), epoll_fd_(epoll_create1(EPOLL_CLOEXEC)), handle_(this) {
  ENSURE(epoll_fd_ >= 0);
  ENSURE(uv_poll_init(loop.get(), handle_.get(), epoll_fd_) == 0);
  const auto on_poll = [](uv_poll_t* uv, int, int) noexcept {
    if (Poller* poller = Handle<uv_poll_t, Poller>::owner(uv)) poller->on_events();
  };
  ENSURE(uv_poll_start(handle_.get(), UV_READABLE, on_poll) == 0);
}

Poller::~Poller() {
  uv_poll_stop(handle_.get());
  close(epoll_fd_);
}

bool Poller::add_connection(int fd, std::uint64_t token) {
  return add(epoll_fd_, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, token);
}

bool Poller::add_listener(int fd, std::uint64_t token) {
  return add(epoll_fd_, fd, EPOLLIN, token);
}

void Poller::remove(int fd) {
  // One that could not be added is not there either.
  ENSURE(epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr) == 0 || errno == ENOENT);
}

void Poller::on_events() {
  if (!take_events()) return;  // as nearly always, and then no clock is read
  const std::uint64_t began = Loop::precise_ns();
  // What is left comes in the next turn: the set stays readable.
  while (take_events() && Loop::precise_ns() - began < kTurnShareNs) {
  }
}

bool Poller::take_events() {
  std::array<epoll_event, kEventsAtOnce> events;
  const int count = epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), 0);
  ENSURE(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const bool hung_up = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    on_ready_(event.data.u64,
              {(event.events & EPOLLIN) != 0 || hung_up, (event.events & EPOLLOUT) != 0, hung_up});
  }
  return count == static_cast<int>(events.size());
}

}  // namespace progressd

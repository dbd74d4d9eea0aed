#include "net/http/listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "net/http/response.h"
#include "net/log.h"

namespace progressd {
namespace {

constexpr int kAcceptsAtOnce = 256;
/// Of these, in accept_all(): a whole backlog, though more come meanwhile.
constexpr int kAcceptTurnsMax = 16;
constexpr Millis kRetryMs = 100;
/// Tells who is turned away when to come again.
constexpr int kTurnedAwayRetrySeconds = 5;
/// A peer that acknowledges nothing, or has no room, for so long has gone.
constexpr unsigned kPeerTimeoutMs = 60'000;

/// What the kernel queues for a reader that takes nothing; the outbox bounds the rest. Without it
/// that would be megabytes, and progress would be conflated only behind them.
constexpr int kNotSentBytesMax = 128 * 1024;

int open_reserve() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

/// Of accept(2): what concerns the connection that was to be accepted, and no other.
bool is_of_one_connection(int error) {
  switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:  // a firewall's rule
      return true;
    default:
      return false;
  }
}

}  // namespace

Listeners::Listeners(Loop& loop, Poller& poller, const Limits& limits, OpenCount open_count,
                     OnAccept on_accept)
    : poller_(poller),
      limits_(limits),
      open_count_(std::move(open_count)),
      on_accept_(std::move(on_accept)),
      reserve_fd_(open_reserve()),
      retry_(loop, [this] { resume(); }) {}

Listeners::~Listeners() {
  close();
  if (reserve_fd_ >= 0) ::close(reserve_fd_);
}

Result<std::string> Listeners::listen(const std::string& text) {
  return open_listener(text, /*reuse_port=*/false).and_then([this](int fd) { return adopt(fd); });
}

Result<std::string> Listeners::adopt(int fd) {
  Result<std::string> address = address_of_listener(fd);
  if (!address) return address;
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  if (const Result<void> added = add(fd); !added) return tl::unexpected(added.error());
  return address;
}

Result<void> Listeners::add(int fd) {
  // Connections inherit these three from the listening socket, which saves three calls for each.
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kNotSentBytesMax, sizeof kNotSentBytesMax);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kPeerTimeoutMs, sizeof kPeerTimeoutMs);
  if (!poller_.add_listener(fd, kTokenBit | sockets_.size())) {
    const int error = errno;
    ::close(fd);
    return fail(Errc::kOverloaded, fmt::format("can't listen: {}", std::strerror(error)));
  }
  sockets_.push_back(fd);
  return {};
}

void Listeners::close() {
  retry_.stop();
  for (const int fd : sockets_) ::close(fd);
  sockets_.clear();
}

void Listeners::on_ready(std::uint64_t token) {
  const std::size_t index = token & ~kTokenBit;
  if (index < sockets_.size() && !paused_) accept_some(sockets_[index]);
}

void Listeners::accept_all() {
  for (const int fd : sockets_) {
    for (int turns = 0; turns < kAcceptTurnsMax && !paused_ && accept_some(fd);) ++turns;
  }
}

bool Listeners::accept_some(int socket) {
  std::size_t turned_away = 0;
  bool emptied = false;
  for (int accepted = 0; accepted < kAcceptsAtOnce; ++accepted) {
    const int fd = accept4(socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      const std::size_t open = open_count_();
      if (open < limits_.connections_max + limits_.refusals_max) {
        on_accept_(fd, open >= limits_.connections_max);
      } else {
        turn_away(fd);
        ++turned_away;
      }
      continue;
    }
    emptied = errno == EAGAIN || errno == EWOULDBLOCK;
    if (emptied) break;
    if (is_of_one_connection(errno)) continue;
    const int error = errno;
    if ((error == EMFILE || error == ENFILE) && turn_next_away(socket)) {
      ++turned_away;
      continue;
    }
    log::warn("accepting paused: {}", std::strerror(error));
    pause();
    break;
  }
  if (turned_away > 0) log::warn("no room: {} connections were turned away", turned_away);
  return !emptied;
}

void Listeners::turn_away(int fd) {
  static const Response kFull = problem(503, "too many connections", kTurnedAwayRetrySeconds);
  std::string answer;
  append_response(kFull, {.minor_version = 1, .keep_alive = false, .is_head = false},
                  imf_fixdate(std::time(nullptr)), "", answer);
  send(fd, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  shutdown(fd, SHUT_WR);
  // What is left unread would make the kernel reset the connection, and the answer would be lost.
  std::array<char, 16 * 1024> unread;
  while (recv(fd, unread.data(), unread.size(), MSG_DONTWAIT) ==
         static_cast<ssize_t>(unread.size())) {
  }
  ::close(fd);
}

bool Listeners::turn_next_away(int socket) {
  if (reserve_fd_ < 0) return false;
  ::close(std::exchange(reserve_fd_, -1));
  const int fd = accept4(socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) turn_away(fd);
  reserve_fd_ = open_reserve();
  return fd >= 0;
}

void Listeners::pause() {
  // The sockets stay readable: looking again only after a while keeps the loop from spinning.
  if (std::exchange(paused_, true)) return;
  for (const int fd : sockets_) poller_.remove(fd);
  retry_.start_in(kRetryMs);
}

void Listeners::resume() {
  paused_ = false;
  if (reserve_fd_ < 0) reserve_fd_ = open_reserve();
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    if (!poller_.add_listener(sockets_[i], kTokenBit | i)) {
      log::warn("accepting paused: {}", std::strerror(errno));
      return pause();
    }
  }
}

}  // namespace progressd

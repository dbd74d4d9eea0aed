#include "net/http/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <utility>

#include "net/http/response.h"
#include "net/log.h"

namespace progressd {
namespace {

constexpr int kAcceptsPerTurn = 256;
constexpr int kBacklog = 4096;
constexpr Millis kRetryMs = 100;
/// Tells who is turned away when to come again.
constexpr int kTurnedAwayRetrySeconds = 5;
/// A peer that acknowledges nothing, or has no room, for so long has gone.
constexpr unsigned kPeerTimeoutMs = 60'000;

/// What the kernel queues for a reader that takes nothing; the outbox bounds the rest. Without it
/// that would be megabytes, and progress would be conflated only behind them.
constexpr int kNotSentBytesMax = 128 * 1024;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Result<Address> parse_address(const std::string& text) {
  const auto refuse = [&](std::string_view why) {
    return fail(Errc::kInvalid,
                fmt::format("'{}': {}; write 127.0.0.1:8080 or [::1]:8080", text, why));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return refuse("there is no port");
  unsigned short port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc{} || stop != end) return refuse("the port must be 0 to 65535");
  std::string host = text.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  Address address;
  auto& four = reinterpret_cast<sockaddr_in&>(address.storage);
  auto& six = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']' &&
      inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    address.size = sizeof six;
  } else if (inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    address.size = sizeof four;
  } else {
    return refuse("the address must be an IP address or localhost");
  }
  return address;
}

std::string with_port(const std::string& text, int fd) {
  Address bound;
  bound.size = sizeof bound.storage;
  getsockname(fd, reinterpret_cast<sockaddr*>(&bound.storage), &bound.size);
  const auto& four = reinterpret_cast<const sockaddr_in&>(bound.storage);  // six has it there too
  return fmt::format("{}:{}", text.substr(0, text.rfind(':')), ntohs(four.sin_port));
}

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

Result<std::string> address_of_listener(int fd) {
  int listens = 0;
  int protocol = 0;
  socklen_t size = sizeof listens;
  const bool is_listener =
      getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0 &&
      getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_TCP;
  if (!is_listener) {
    return fail(Errc::kInvalid, fmt::format("descriptor {} does not listen for TCP", fd));
  }
  sockaddr_storage storage{};
  size = sizeof storage;
  getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(storage);
    inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
    return fmt::format("{}:{}", text.data(), ntohs(four.sin_port));
  }
  const auto& six = reinterpret_cast<const sockaddr_in6&>(storage);
  inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
  return fmt::format("[{}]:{}", text.data(), ntohs(six.sin6_port));
}

Result<bool> is_loopback(const std::string& text) {
  return parse_address(text).map([](const Address& address) {
    if (address.storage.ss_family == AF_INET6) {
      return IN6_IS_ADDR_LOOPBACK(
                 &reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_addr) != 0;
    }
    const auto& four = reinterpret_cast<const sockaddr_in&>(address.storage);
    return (ntohl(four.sin_addr.s_addr) >> 24) == 127;
  });
}

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
  const Result<Address> address = parse_address(text);
  if (!address) return tl::unexpected(address.error());
  const int fd =
      socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return fail(Errc::kOverloaded, fmt::format("{}: {}", text, std::strerror(errno)));
  const int on = 1;
  if (address->storage.ss_family == AF_INET6) {  // IPv4 has a listener of its own, if it is wanted
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address->storage), address->size) == 0 &&
      ::listen(fd, kBacklog) == 0) {
    if (const Result<void> added = add(fd); !added) return tl::unexpected(added.error());
    return with_port(text, fd);
  }
  const int error = errno;
  ::close(fd);
  return fail(Errc::kOverloaded,
              fmt::format("can't listen on {}: {}; choose another address with --listen", text,
                          std::strerror(error)));
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
  if (index >= sockets_.size() || paused_) return;
  std::size_t turned_away = 0;
  for (int accepted = 0; accepted < kAcceptsPerTurn; ++accepted) {
    const int fd = accept4(sockets_[index], nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
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
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    if (is_of_one_connection(errno)) continue;
    const int error = errno;
    if ((error == EMFILE || error == ENFILE) && turn_next_away(sockets_[index])) {
      ++turned_away;
      continue;
    }
    log::warn("accepting paused: {}", std::strerror(error));
    pause();
    break;
  }
  if (turned_away > 0) log::warn("no room: {} connections were turned away", turned_away);
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

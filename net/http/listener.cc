#include "net/http/listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "net/log.h"

namespace progressd {
namespace {

constexpr int kAcceptsPerTurn = 256;
constexpr int kBacklog = 4096;
constexpr Millis kRetryMs = 100;
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

}  // namespace

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
      retry_(loop, [this] { resume(); }) {}

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
  // Connections inherit the next three from the listening socket, which saves three calls for each.
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kNotSentBytesMax, sizeof kNotSentBytesMax);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kPeerTimeoutMs, sizeof kPeerTimeoutMs);
  const std::uint64_t token = kTokenBit | sockets_.size();
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address->storage), address->size) != 0 ||
      ::listen(fd, kBacklog) != 0 || !poller_.add_listener(fd, token)) {
    const int error = errno;
    ::close(fd);
    return fail(Errc::kOverloaded,
                fmt::format("can't listen on {}: {}; choose another address with --listen", text,
                            std::strerror(error)));
  }
  sockets_.push_back(fd);
  return with_port(text, fd);
}

void Listeners::close() {
  retry_.stop();
  for (const int fd : sockets_) ::close(fd);
  sockets_.clear();
}

void Listeners::on_ready(std::uint64_t token) {
  const std::size_t index = token & ~kTokenBit;
  if (index >= sockets_.size() || paused_) return;
  for (int accepted = 0; accepted < kAcceptsPerTurn; ++accepted) {
    const std::size_t open = open_count_();
    if (open >= limits_.connections_max + limits_.refusals_max) return pause();
    const int fd = accept4(sockets_[index], nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      on_accept_(fd, open >= limits_.connections_max);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) continue;
    log::warn("accepting paused: {}", std::strerror(errno));
    return pause();
  }
}

void Listeners::pause() {
  // The sockets stay readable: looking again only after a while keeps the loop from spinning.
  if (std::exchange(paused_, true)) return;
  for (const int fd : sockets_) poller_.remove(fd);
  retry_.start_in(kRetryMs);
}

void Listeners::resume() {
  paused_ = false;
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    if (!poller_.add_listener(sockets_[i], kTokenBit | i)) {
      log::warn("accepting paused: {}", std::strerror(errno));
      return pause();
    }
  }
}

}  // namespace progressd

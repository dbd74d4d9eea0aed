#include "net/http/listening_socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace progressd {
namespace {

constexpr int kBacklog = 4096;

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

/// The kernel numbers the sockets of a port from 0, in the order in which they began to listen: 1
/// is the process that came up beside an old one. Where there is no 1 it goes by its own rule, and
/// the only one has all.
bool take_new_connections(int fd) {
  sock_filter second = BPF_STMT(BPF_RET | BPF_K, 1);
  const sock_fprog program{1, &second};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0;
}

}  // namespace

Result<int> open_listener(const std::string& text, bool reuse_port) {
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
  const auto share = [&] {
    return !reuse_port || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
  };
  if (share() &&
      bind(fd, reinterpret_cast<const sockaddr*>(&address->storage), address->size) == 0 &&
      listen(fd, kBacklog) == 0 && (!reuse_port || take_new_connections(fd))) {
    return fd;
  }
  const int error = errno;
  close(fd);
  return fail(Errc::kOverloaded,
              fmt::format("can't listen on {}: {}; choose another address with --listen", text,
                          std::strerror(error)));
}

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

}  // namespace progressd

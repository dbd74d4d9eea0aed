#include "net/http/socket_io.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace progressd {
namespace {

SocketIo::Outcome outcome_of(ssize_t result) {
  if (result >= 0) return {SocketIo::Status::kOk, static_cast<std::size_t>(result)};
  const bool later = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  return {later ? SocketIo::Status::kWouldBlock : SocketIo::Status::kFailed, 0};
}

}  // namespace

SocketIo::Outcome SocketIo::read(int fd, std::span<char> room) {
  const Outcome outcome = outcome_of(::recv(fd, room.data(), room.size(), 0));
  if (outcome.status == Status::kOk && outcome.bytes == 0) return {Status::kEnd, 0};
  return outcome;
}

SocketIo::Outcome SocketIo::write(int fd, std::span<const std::string_view> pieces) {
  if (pieces.size() == 1) {
    return outcome_of(::send(fd, pieces[0].data(), pieces[0].size(), MSG_NOSIGNAL));
  }
  std::array<iovec, kPiecesMax> vectors;
  const std::size_t count = std::min(pieces.size(), vectors.size());
  for (std::size_t i = 0; i < count; ++i) {
    // writev takes what it reads through a pointer to non-const.
    vectors[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  return outcome_of(::sendmsg(fd, &message, MSG_NOSIGNAL));
}

void SocketIo::shut_write(int fd) { ::shutdown(fd, SHUT_WR); }

void SocketIo::close(int fd) { ::close(fd); }

std::string SocketIo::peer(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
    return fmt::format("[{}]:{}", text.data(), ntohs(six.sin6_port));
  }
  const auto& four = reinterpret_cast<const sockaddr_in&>(address);
  inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
  return fmt::format("{}:{}", text.data(), ntohs(four.sin_port));
}

}  // namespace progressd

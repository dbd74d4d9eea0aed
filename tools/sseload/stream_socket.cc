#include "stream_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace sseload {
namespace {

template <class Value>
bool set_option(int fd, int level, int name, const Value& value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

bool bind_source(int fd, std::uint32_t source) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(source);
  return set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1) &&
         bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

int close_keeping_errno(int fd) {
  const int code = errno;
  close(fd);
  errno = code;
  return -1;
}

}  // namespace

int open_socket(const TargetUrl& url, std::optional<std::uint32_t> source, int receive_buffer_bytes,
                int segment_bytes) {
  const int fd = socket(url.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (receive_buffer_bytes > 0 && !set_option(fd, SOL_SOCKET, SO_RCVBUF, receive_buffer_bytes)) {
    return close_keeping_errno(fd);
  }
  if (segment_bytes > 0 && !set_option(fd, IPPROTO_TCP, TCP_MAXSEG, segment_bytes)) {
    return close_keeping_errno(fd);
  }
  if (source && !bind_source(fd, *source)) return close_keeping_errno(fd);
  const auto* const address = reinterpret_cast<const sockaddr*>(&url.address);
  if (connect(fd, address, url.address_bytes) != 0 && errno != EINPROGRESS) {
    return close_keeping_errno(fd);
  }
  return fd;
}

SendOutcome send_request(int fd, std::string_view request) {
  const ssize_t sent = send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(request.size())) return SendOutcome::kSent;
  if (sent >= 0) errno = ENOBUFS;
  return sent < 0 && errno == EAGAIN ? SendOutcome::kNotYet : SendOutcome::kFailed;
}

void close_with_reset(int fd) {
  const linger now{1, 0};
  set_option(fd, SOL_SOCKET, SO_LINGER, now);
  close(fd);
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace sseload

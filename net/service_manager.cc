#include "net/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "net/log.h"

namespace progressd {
namespace {

constexpr int kFirstPassed = 3;
constexpr int kPassedMax = 64;

std::optional<int> number_in_environment(const char* name) {
  const char* const text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  int number = 0;
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

}  // namespace

std::vector<int> passed_sockets() {
  std::vector<int> sockets;
  if (number_in_environment("LISTEN_PID") != getpid()) return sockets;  // a parent's, say
  const int count = number_in_environment("LISTEN_FDS").value_or(0);
  for (int i = 0; i < count && i < kPassedMax; ++i) {
    fcntl(kFirstPassed + i, F_SETFD, FD_CLOEXEC);
    sockets.push_back(kFirstPassed + i);
  }
  return sockets;
}

void notify_service_manager(std::string_view state) {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length == 0 || length >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool is_told = fd >= 0 && sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                                         reinterpret_cast<const sockaddr*>(&address), size) >= 0;
  if (!is_told)
    log::warn("the service manager could not be told {}: {}", state, std::strerror(errno));
  if (fd >= 0) close(fd);
}

}  // namespace progressd

#include "target_url.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>

namespace sseload {
namespace {

bool is_loopback(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    return (ntohl(in.sin_addr.s_addr) >> 24) == 127;
  }
  sockaddr_in6 in6{};
  std::memcpy(&in6, address, sizeof in6);
  return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) != 0;
}

}  // namespace

Result<TargetUrl> parse_target_url(std::string_view text, const TargetUrl* base) {
  constexpr std::string_view kScheme = "http://";
  if (text.find_first_of(" \r\n\t") != std::string_view::npos) {
    return Error{fmt::format("'{}': a URL holds no blanks (write %20)", text)};
  }
  if (base != nullptr && text.starts_with('/')) {
    TargetUrl url = *base;
    url.path = text;
    return url;
  }
  if (!text.starts_with(kScheme)) {
    return Error{fmt::format("'{}' does not start with http:// (TLS is not spoken here)", text)};
  }
  const std::string_view rest = text.substr(kScheme.size());
  const size_t slash = rest.find_first_of("/?");
  const std::string_view authority = rest.substr(0, slash);
  TargetUrl url;
  url.host = authority;
  url.path = slash == std::string_view::npos ? "/" : rest.substr(slash);
  if (url.path.front() == '?') url.path.insert(0, 1, '/');

  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  std::string name(has_port ? authority.substr(0, colon) : authority);
  const std::string port(has_port ? authority.substr(colon + 1) : "80");
  if (name.size() > 2 && name.front() == '[') name = name.substr(1, name.size() - 2);

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(name.c_str(), port.c_str(), &hints, &found);
  if (code != 0) return Error{fmt::format("'{}': {}", authority, gai_strerror(code))};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  // "localhost" may mean ::1 first; servers listen on 127.0.0.1 more often.
  const addrinfo* chosen = found;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET) {
      chosen = each;
      break;
    }
  }
  std::memcpy(&url.address, chosen->ai_addr, chosen->ai_addrlen);
  url.address_bytes = chosen->ai_addrlen;
  url.is_loopback = is_loopback(chosen->ai_addr);
  return url;
}

}  // namespace sseload

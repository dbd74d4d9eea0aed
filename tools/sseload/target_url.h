// Why: where requests go. Resolved once, at the start; refuses to aim at other machines unless
//      told so, because a load generator pointed at the wrong host is an attack.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "result.h"

namespace sseload {

struct TargetUrl {
  std::string host;  ///< as the Host header says it, with the port
  std::string path;  ///< with the query; may hold placeholders
  sockaddr_storage address{};
  socklen_t address_bytes = 0;
  bool is_loopback = false;
};

/// `text` is http://HOST[:PORT][/PATH]; or, where `base` is given, a path on that host.
Result<TargetUrl> parse_target_url(std::string_view text, const TargetUrl* base = nullptr);

}  // namespace sseload

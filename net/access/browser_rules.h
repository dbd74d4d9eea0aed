// What a page in a browser can make that browser send here, and what of it is refused. Nobody else
// is kept out by this: other clients write these headers as they like.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "net/access/cors.h"
#include "net/http/request.h"

namespace progressd {

inline constexpr std::size_t kAllowedHostsMax = 100;

/// A name or an address as `Host` has it, without a port, in small letters.
/// Errors: kInvalid, for what is neither.
Result<std::string> parse_host(std::string_view text);

/// Against DNS rebinding: a page whose own name was made to lead here is found out by its name.
/// For a server with auth off that listens on loopback; what is not admitted is answered 421.
class HostRule {
 public:
  /// `allowed`: of parse_host(); what counts besides loopback's names and addresses.
  explicit HostRule(std::vector<std::string> allowed) : allowed_(std::move(allowed)) {}

  /// A request without a Host is none of a browser's.
  bool admits(const Request& request) const;

 private:
  std::vector<std::string> allowed_;
  mutable std::string last_admitted_;  // most requests name the host that the one before named
};

/// Against forged requests: whether a page of another origin, which CORS does not let read the
/// answer, makes a browser ask for a change, with its cookie or without. It is answered 403. A
/// browser asks beforehand only where a request is not a simple one, and one without a body, say,
/// is simple.
/// Source: W3C Fetch Metadata, `Sec-Fetch-Site`.
bool is_forged(const Request& request, const Cors& cors);

}  // namespace progressd

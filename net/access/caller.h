// Who a request comes from, and what they may do: what a token says, once it was checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace progressd {

/// The user of every request when nobody has to say who they are.
inline constexpr std::string_view kAnonymous = "anonymous";
inline constexpr std::string_view kReportScope = "jobs:report";
inline constexpr std::string_view kAdminScope = "jobs:admin";

struct Caller {
  std::string user;
  bool reports = false;         // scope `jobs:report`
  bool administers = false;     // scope `jobs:admin`, or auth is off
  std::int64_t expires_at = 0;  // Unix seconds: from then on no longer accepted; 0: never
  bool authenticated = false;   // a token was checked

  bool operator==(const Caller&) const = default;
};

/// Whom the header fields of a request were found to name.
struct KnownCaller {
  Caller caller;
  std::uint64_t round = 0;  // of the gate's, in which it was found, and for which it holds
};

/// Whoever asks while auth is off: they may do everything.
inline Caller anybody() {
  return {.user = std::string(kAnonymous),
          .reports = true,
          .administers = true,
          .expires_at = 0,
          .authenticated = false};
}

}  // namespace progressd

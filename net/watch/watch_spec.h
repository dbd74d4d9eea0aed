// What the operator asks to be watched: `NAME=http://HOST:PORT/PATH[,interval=500ms]`.
#pragma once

#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/result.h"

namespace progressd {

struct WatchSpec {
  std::string name;  // 1 to 64 of A-Z a-z 0-9 . _ ~ -
  std::string url;
  Millis interval_ms = 500;  // between two polls

  friend bool operator==(const WatchSpec&, const WatchSpec&) = default;
};

/// Errors: kInvalid, saying what of it is wrong.
Result<WatchSpec> parse_watch(std::string_view text);

}  // namespace progressd

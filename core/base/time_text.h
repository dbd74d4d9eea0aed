// Times as people write them: RFC 3339 stamps out, durations such as `500ms`, `15s`, `24h` in.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/result.h"

namespace progressd {

/// `2026-11-20T23:42:05.123Z`. Shape: always 24 bytes, UTC, milliseconds; good as long as this
/// object is. `wall_at` is clamped to the years 1970 to 9999.
class Rfc3339 {
 public:
  explicit Rfc3339(Millis wall_at);
  std::string_view view() const { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 24> text_;
};

/// 1,000 days: what timers here can count to.
inline constexpr Millis kDurationMsMax = Millis{1'000} * 86'400'000;

/// A whole number with a unit: ms, s, m, h or d (`0` needs none).
/// Errors: kInvalid, for another form or more than kDurationMsMax.
Result<Millis> parse_duration(std::string_view text);

/// The shortest form that parse_duration reads back: `90s`, `1h`, `1500ms`.
std::string duration_text(Millis length);

}  // namespace progressd

#include "core/jobs/traceparent.h"

#include <algorithm>

namespace progressd {
namespace {

// version "-" trace-id "-" parent-id "-" flags: where each begins, and where all of it ends.
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kParentAt = 36;
constexpr std::size_t kFlagsAt = 53;
constexpr std::size_t kBytes = 55;
constexpr std::string_view kVersion = "00";

/// In small letters only, as the standard has it.
bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

std::optional<std::string> parse_traceparent(std::string_view field) {
  if (field.size() < kBytes) return std::nullopt;
  const std::string_view version = field.substr(0, 2);
  const std::string_view trace = field.substr(kTraceAt, kParentAt - kTraceAt - 1);
  const std::string_view parent = field.substr(kParentAt, kFlagsAt - kParentAt - 1);
  const std::string_view flags = field.substr(kFlagsAt, kBytes - kFlagsAt);
  const bool is_apart =
      field[kTraceAt - 1] == '-' && field[kParentAt - 1] == '-' && field[kFlagsAt - 1] == '-';
  if (!is_apart || !is_hex(version) || version == "ff" || !is_hex(trace) || is_zero(trace) ||
      !is_hex(parent) || is_zero(parent) || !is_hex(flags)) {
    return std::nullopt;
  }
  if (version == kVersion) {
    if (field.size() != kBytes) return std::nullopt;
    return std::string(field);
  }
  // A later version may say more behind a dash. Of its flags only `sampled` is known to mean what
  // it does here.
  if (field.size() > kBytes && field[kBytes] != '-') return std::nullopt;
  constexpr std::string_view kOdd = "13579bdf";
  const bool is_sampled = kOdd.find(flags.back()) != std::string_view::npos;
  return std::string(kVersion)
      .append(field.substr(2, kFlagsAt - 2))
      .append(is_sampled ? "01" : "00");
}

}  // namespace progressd

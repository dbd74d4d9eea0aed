// Why: the small notations that flags are written in (durations, shares, rates), and numbers
//      written for people. No state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clock.h"
#include "result.h"

namespace sseload {

/// "250us", "500ms", "15s", "2m", "1h"; "0" needs no unit.
Result<Nanoseconds> parse_duration(std::string_view text);

/// Which members of a numbered set belong to a part of it, spread evenly: `part` of every `whole`.
struct Share {
  std::uint64_t part = 0;
  std::uint64_t whole = 1;

  bool holds(std::uint64_t number) const {
    return (number + 1) * part / whole != number * part / whole;
  }
};

/// "1/10" or "12.5%"; at most the whole.
Result<Share> parse_share(std::string_view text);

/// Events per second; "max" is 0, which stands for "as fast as answers come".
Result<double> parse_rate(std::string_view text);

/// "1000,10000": rising, none zero.
Result<std::vector<std::uint64_t>> parse_marks(std::string_view text);

/// "3", "127.0.0.2,127.0.0.9" or "127.0.0.2-127.0.0.40"; a number N means 127.0.0.2 onwards.
/// Addresses come back in host byte order.
Result<std::vector<std::uint32_t>> parse_source_addresses(std::string_view text);

/// 1234567 → "1,234,567".
std::string with_commas(std::uint64_t number);

}  // namespace sseload

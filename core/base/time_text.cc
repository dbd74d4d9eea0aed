#include "core/base/time_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace progressd {
namespace {

constexpr Millis kDayMs = 86'400'000;
constexpr Millis kYear9999Ms = 253'402'300'799'999;

struct Unit {
  std::string_view name;
  Millis length_ms;
};
// Longest first, so that duration_text finds the shortest form.
constexpr std::array<Unit, 5> kUnits{
    {{"d", kDayMs}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

struct Date {
  std::int64_t year, month, day;
};

// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
Date civil_from_days(std::int64_t days) {
  const std::int64_t shifted = days + 719'468;
  const std::int64_t era = shifted / 146'097;
  const std::int64_t day_of_era = shifted - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const std::int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

}  // namespace

Rfc3339::Rfc3339(Millis wall_at) {
  const Millis at = std::clamp<Millis>(wall_at, 0, kYear9999Ms);
  const Date date = civil_from_days(at / kDayMs);
  text_ = {'0', '0', '0', '0', '-', '0', '0', '-', '0', '0', 'T', '0',
           '0', ':', '0', '0', ':', '0', '0', '.', '0', '0', '0', 'Z'};
  const auto put = [this](std::size_t place, std::uint32_t number) {  // two digits
    text_[place] = static_cast<char>('0' + number / 10);
    text_[place + 1] = static_cast<char>('0' + number % 10);
  };
  const auto ms = static_cast<std::uint32_t>(at % kDayMs);
  const auto year = static_cast<std::uint32_t>(date.year);
  put(0, year / 100);
  put(2, year % 100);
  put(5, static_cast<std::uint32_t>(date.month));
  put(8, static_cast<std::uint32_t>(date.day));
  put(11, ms / 3'600'000);
  put(14, ms / 60'000 % 60);
  put(17, ms / 1'000 % 60);
  put(20, ms % 1'000 / 10);
  text_[22] = static_cast<char>('0' + ms % 10);
}

Result<Millis> parse_duration(std::string_view text) {
  const auto refuse = [&] {
    return fail(Errc::kInvalid,
                fmt::format("'{}' is no duration: write it like 500ms, 15s, 5m, 24h", text));
  };
  Millis number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return refuse();
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit.empty() && number == 0) return 0;
  for (const Unit& known : kUnits) {
    if (unit != known.name) continue;
    if (number > kDurationMsMax / known.length_ms) return refuse();
    return number * known.length_ms;
  }
  return refuse();
}

std::string duration_text(Millis length) {
  if (length == 0) return "0";
  for (const Unit& unit : kUnits) {
    if (length % unit.length_ms == 0)
      return fmt::format("{}{}", length / unit.length_ms, unit.name);
  }
  return fmt::format("{}ms", length);
}

}  // namespace progressd

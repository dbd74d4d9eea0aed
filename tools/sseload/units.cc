#include "units.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace sseload {
namespace {

constexpr std::uint64_t kSourceAddressesMax = 4096;
constexpr std::uint32_t kFirstSourceAddress = 0x7f000002;  // 127.0.0.2

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
  in_addr address{};
  if (inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

}  // namespace

Result<Nanoseconds> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    Nanoseconds span;
  };
  static constexpr std::array<Unit, 6> kUnits{{{"us", kMicrosecond},
                                               {"ms", kMillisecond},
                                               {"s", kSecond},
                                               {"m", 60 * kSecond},
                                               {"h", 3600 * kSecond},
                                               {"", 0}}};
  const size_t digits = text.find_first_not_of("0123456789.");
  const std::string_view unit = digits == std::string_view::npos ? "" : text.substr(digits);
  const auto number = parse_number<double>(text.substr(0, digits));
  for (const Unit& known : kUnits) {
    if (!number || unit != known.name) continue;
    if (unit.empty() && *number != 0) break;
    const double span = *number * static_cast<double>(known.span);
    if (!(span < 1e18)) break;
    return static_cast<Nanoseconds>(std::llround(span));
  }
  return Error{fmt::format("'{}' is not a duration such as 500ms, 15s or 2m", text)};
}

Result<Share> parse_share(std::string_view text) {
  const Error bad{fmt::format("'{}' is not a share such as 1/10 or 5%", text)};
  if (text.ends_with('%')) {
    const auto percent = parse_number<double>(text.substr(0, text.size() - 1));
    if (!percent || !(*percent >= 0 && *percent <= 100)) return bad;
    return Share{static_cast<std::uint64_t>(std::llround(*percent * 1000)), 100'000};
  }
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return bad;
  const auto part = parse_number<std::uint32_t>(text.substr(0, slash));
  const auto whole = parse_number<std::uint32_t>(text.substr(slash + 1));
  if (!part || !whole || *whole == 0 || *part > *whole) return bad;
  return Share{*part, *whole};
}

Result<double> parse_rate(std::string_view text) {
  if (text == "max") return 0.0;
  const auto rate = parse_number<double>(text);
  if (!rate || !(*rate > 0 && *rate <= 1e9)) {
    return Error{fmt::format("'{}' is neither a rate per second nor 'max'", text)};
  }
  return *rate;
}

Result<std::vector<std::uint64_t>> parse_marks(std::string_view text) {
  std::vector<std::uint64_t> marks;
  for (const std::string_view part : split(text, ',')) {
    const auto mark = parse_number<std::uint64_t>(part);
    const std::uint64_t last = marks.empty() ? 0 : marks.back();
    if (!mark || *mark <= last) {
      return Error{fmt::format("'{}' is not a rising list such as 1000,10000", text)};
    }
    marks.push_back(*mark);
  }
  return marks;
}

Result<std::vector<std::uint32_t>> parse_source_addresses(std::string_view text) {
  const Error bad{fmt::format("'{}' is no number, list or range of IPv4 addresses", text)};
  std::vector<std::uint32_t> addresses;
  if (const auto count = parse_number<std::uint32_t>(text)) {
    if (*count == 0 || *count > kSourceAddressesMax) return bad;
    for (std::uint32_t k = 0; k < *count; ++k) addresses.push_back(kFirstSourceAddress + k);
    return addresses;
  }
  for (const std::string_view part : split(text, ',')) {
    const size_t dash = part.find('-');
    const auto first = parse_ipv4(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_ipv4(part.substr(dash + 1));
    if (!first || !last || *last < *first || *last - *first >= kSourceAddressesMax) return bad;
    for (std::uint32_t address = *first; address <= *last; ++address) addresses.push_back(address);
  }
  return addresses;
}

std::string with_commas(std::uint64_t number) {
  std::string text = fmt::format("{}", number);
  for (size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

}  // namespace sseload

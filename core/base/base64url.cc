#include "core/base/base64url.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace progressd {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kNoDigit = 0xff;
constexpr std::array<std::uint8_t, 256> kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

}  // namespace

std::string base64url(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int waiting = 0;  // bits that make no digit yet
  for (const char byte : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(byte);
    waiting += 8;
    while (waiting >= 6) {
      waiting -= 6;
      text += kAlphabet[(bits >> waiting) & 63];
    }
  }
  if (waiting > 0) text += kAlphabet[(bits << (6 - waiting)) & 63];
  return text;
}

std::optional<std::string> base64url_decoded(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int waiting = 0;  // bits that make no byte yet
  for (const char digit : text) {
    const std::uint8_t value = kValues[static_cast<unsigned char>(digit)];
    if (value == kNoDigit) return std::nullopt;
    bits = (bits << 6) | value;
    waiting += 6;
    if (waiting >= 8) {
      waiting -= 8;
      bytes += static_cast<char>((bits >> waiting) & 0xff);
    }
  }
  const bool rest_is_zero = (bits & ((1U << waiting) - 1)) == 0;
  if (waiting == 6 || !rest_is_zero) return std::nullopt;
  return bytes;
}

}  // namespace progressd

#include "core/base/utf8.h"

#include <cstddef>

namespace progressd {
namespace {

bool continues(std::string_view bytes, std::size_t at, unsigned char from, unsigned char to) {
  if (at >= bytes.size()) return false;
  const auto byte = static_cast<unsigned char>(bytes[at]);
  return byte >= from && byte <= to;
}

/// The length of the character that begins at `at`; 0 when none does.
/// Source: Unicode, table 3-7, "Well-formed UTF-8 byte sequences".
std::size_t character_bytes(std::string_view bytes, std::size_t at) {
  const auto first = static_cast<unsigned char>(bytes[at]);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(bytes, at + 1, 0x80, 0xbf) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned char from = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned char to = first == 0xed ? 0x9f : 0xbf;
    const bool whole = continues(bytes, at + 1, from, to) && continues(bytes, at + 2, 0x80, 0xbf);
    return whole ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned char from = first == 0xf0 ? 0x90 : 0x80;
    const unsigned char to = first == 0xf4 ? 0x8f : 0xbf;
    const bool whole = continues(bytes, at + 1, from, to) && continues(bytes, at + 2, 0x80, 0xbf) &&
                       continues(bytes, at + 3, 0x80, 0xbf);
    return whole ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = character_bytes(bytes, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string to_utf8(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = character_bytes(bytes, at);
    length == 0 ? text.append("\xef\xbf\xbd") : text.append(bytes.substr(at, length));
    at += length == 0 ? 1 : length;
  }
  return text;
}

bool has_surrogate(std::string_view text) {
  for (std::size_t at = 0; (at = text.find('\xed', at)) != std::string_view::npos; at += 3) {
    if (static_cast<unsigned char>(text[at + 1]) >= 0xa0) return true;
  }
  return false;
}

}  // namespace progressd

#include "tools/progressctl/terminal_text.h"

#include <fmt/format.h>
#include <langinfo.h>

#include <algorithm>
#include <array>
#include <cwchar>
#include <cwctype>
#include <utility>

namespace progressd::ctl {
namespace {

constexpr char32_t kNone = 0xffffffff;

struct Character {
  char32_t code = kNone;  // kNone: the bytes are no character
  std::size_t bytes = 1;
};

/// The character that `text`, which is not empty, begins with.
/// Source: RFC 3629, section 4.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
  char32_t code = lead & (0x7fU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fU);
  }
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kSmallest[bytes] || code > 0x10ffff || is_surrogate) return {};
  return {code, bytes};
}

/// Characters that make a text look like another one. Source: Unicode, the formatting characters of
/// bidirectional text, and separators of lines.
bool is_deceptive(char32_t code) {
  constexpr std::array<std::pair<char32_t, char32_t>, 7> kRanges{{{0xad, 0xad},
                                                                  {0x61c, 0x61c},
                                                                  {0x200b, 0x200f},
                                                                  {0x2028, 0x202e},
                                                                  {0x2060, 0x206f},
                                                                  {0xfeff, 0xfeff},
                                                                  {0xe0000, 0xe0fff}}};
  return std::any_of(kRanges.begin(), kRanges.end(), [code](const auto& range) {
    return code >= range.first && code <= range.second;
  });
}

/// Columns of a character; negative when it can't be shown.
int width_of(char32_t code) {
  if (code < 0x80) return code >= ' ' && code != 0x7f ? 1 : -1;
  if (!is_utf8_terminal() || is_deceptive(code)) return -1;
  return wcwidth(static_cast<wchar_t>(code));
}

}  // namespace

bool is_utf8_terminal() { return std::string_view(nl_langinfo(CODESET)) == "UTF-8"; }

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.code == kNone) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else if (width_of(character.code) >= 0) {
      out += text.substr(0, character.bytes);
    } else if (character.code < 0x80) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(character.code));
    } else {
      out += fmt::format("\\u{{{:x}}}", static_cast<unsigned>(character.code));
    }
    text.remove_prefix(character.bytes);
  }
  return out;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    columns += static_cast<std::size_t>(std::max(width_of(character.code), 0));
    text.remove_prefix(character.bytes);
  }
  return columns;
}

std::string cut(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  const std::string_view mark = is_utf8_terminal() ? "…" : "~";
  std::size_t used = 1;  // the mark's
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const Character character = first_character(text.substr(bytes));
    const auto width = static_cast<std::size_t>(std::max(width_of(character.code), 0));
    if (used + width > columns) break;
    used += width;
    bytes += character.bytes;
  }
  return fmt::format("{}{}", text.substr(0, bytes), mark);
}

std::string fitted(std::string_view text, std::size_t columns) {
  std::string out = cut(text, columns);
  out.append(columns - std::min(columns_of(out), columns), ' ');
  return out;
}

}  // namespace progressd::ctl

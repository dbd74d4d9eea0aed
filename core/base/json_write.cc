#include "core/base/json_write.h"

#include <algorithm>

namespace progressd {
namespace {

constexpr std::size_t kFirstCapacityBytes = 512;
/// What one byte becomes at most: \u001F
constexpr std::size_t kEscapedBytesMax = 6;

/// Source: RFC 8259, section 7.
bool is_plain(char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; }

/// Whether none of the eight bytes needs an escape: each comparison sets the high bit of the bytes
/// for which it holds, and no other's unless one below it holds as well.
/// Source: Bit Twiddling Hacks, "Determine if a word has a byte less than n".
bool are_plain(std::uint64_t bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  const std::uint64_t quotes = bytes ^ (kOnes * '"');
  const std::uint64_t backslashes = bytes ^ (kOnes * '\\');
  const std::uint64_t found = ((bytes - kOnes * 0x20) & ~bytes) | ((quotes - kOnes) & ~quotes) |
                              ((backslashes - kOnes) & ~backslashes);
  return (found & kHighs) == 0;
}

template <class Integer>
Integer load(const char* from) {
  Integer bytes = 0;
  std::memcpy(&bytes, from, sizeof bytes);
  return bytes;
}

/// Short texts too are looked at in words, which then overlap.
bool are_all_plain(std::string_view text) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  if (text.size() >= 8) {
    for (const char* at = begin; at + 8 < end; at += 8) {
      if (!are_plain(load<std::uint64_t>(at))) return false;
    }
    return are_plain(load<std::uint64_t>(end - 8));
  }
  if (text.size() >= 4) {
    const std::uint64_t first = load<std::uint32_t>(begin);
    return are_plain(first << 32 | load<std::uint32_t>(end - 4));
  }
  return std::all_of(begin, end, is_plain);
}

/// How many bytes at the beginning stand for themselves within a string.
std::size_t plain_prefix(std::string_view text) {
  if (are_all_plain(text)) return text.size();
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_plain) -
                                  text.begin());
}

char* append(std::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* append_escaped(char c, char* out) {
  static constexpr std::string_view kLetters = "\b\f\n\r\t\"\\";
  static constexpr std::string_view kEscapes = "bfnrt\"\\";
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  *out++ = '\\';
  if (const std::size_t letter = kLetters.find(c); letter != std::string_view::npos) {
    *out++ = kEscapes[letter];
    return out;
  }
  const auto code = static_cast<unsigned char>(c);
  out = append("u00", out);
  *out++ = kDigits[code >> 4];
  *out++ = kDigits[code & 15];
  return out;
}

/// Bytes that `text` takes with its quotes, at most.
std::size_t quoted_bytes_max(std::string_view text) {
  // Long texts are rarely full of escapes: then room for as many would be wasted.
  constexpr std::size_t kShortBytesMax = 4096;
  const std::size_t plain = text.size() > kShortBytesMax ? plain_prefix(text) : 0;
  return plain + (text.size() - plain) * kEscapedBytesMax + 2;
}

/// With its quotes.
char* append_quoted(std::string_view text, char* out) {
  *out++ = '"';
  for (;;) {
    const std::size_t plain = plain_prefix(text);
    out = append(text.substr(0, plain), out);
    if (plain == text.size()) break;
    out = append_escaped(text[plain], out);
    text.remove_prefix(plain + 1);
  }
  *out++ = '"';
  return out;
}

}  // namespace

void JsonWriter::grow(std::size_t bytes) {
  capacity_ = std::max({kFirstCapacityBytes, capacity_ * 2, size_ + bytes});
  std::unique_ptr<char[]> larger(new char[capacity_]);
  if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
  bytes_ = std::move(larger);
}

void JsonWriter::key(std::string_view name) {
  char* const at = value_room(quoted_bytes_max(name) + 1);
  char* end = append_quoted(name, at);
  *end++ = ':';
  size_ += static_cast<std::size_t>(end - at);
  comma_due_ = false;
}

void JsonWriter::string(std::string_view value) {
  char* const at = value_room(quoted_bytes_max(value));
  size_ += static_cast<std::size_t>(append_quoted(value, at) - at);
}

void JsonWriter::raw(std::string_view json) {
  append(json, value_room(json.size()));
  size_ += json.size();
}

void JsonWriter::hundredths(std::int64_t value) {
  integer(value / 100);
  if (value % 100 == 0) return;
  char* const at = room(3);
  at[0] = '.';
  at[1] = static_cast<char>('0' + value % 100 / 10);
  at[2] = static_cast<char>('0' + value % 10);
  size_ += value % 10 == 0 ? 2 : 3;
}

}  // namespace progressd

// Bytes as they stand on disk: integers as varints (7 bits a byte, the lowest first), strings
// behind their length. A reader looks at bytes that a disk may have spoilt, so it checks each
// length and remembers that one was wrong: ok() is asked once, at the end.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/base/text.h"

namespace progressd {

class ByteWriter {
 public:
  /// Appends to `out`, which outlives it.
  explicit ByteWriter(std::string& out) : out_(out) {}

  void byte(std::uint8_t value) { out_ += static_cast<char>(value); }
  void number(std::uint64_t value) {
    while (value >= 0x80) {
      byte(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    byte(static_cast<std::uint8_t>(value));
  }
  /// Either sign: the small ones are short.
  void integer(std::int64_t value) {
    number((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void real(double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    for (int shift = 0; shift < 64; shift += 8) byte(static_cast<std::uint8_t>(bits >> shift));
  }
  void raw(std::string_view bytes) { out_.append(bytes); }
  void string(std::string_view bytes) {
    number(bytes.size());
    raw(bytes);
  }
  /// Null is 0, anything else its length and 1.
  void text(const Text& text) {
    number(text.is_null() ? 0 : text.view().size() + 1);
    raw(text.view());
  }

 private:
  std::string& out_;
};

/// Wraps where it overflows: spoilt bytes may say any number.
constexpr std::int64_t wrapping_sum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  /// Whether everything so far was there. After the first fault all that is read is 0 or empty.
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  void fail() {
    ok_ = false;
    rest_ = {};
  }

  std::uint8_t byte() {
    const std::string_view one = raw(1);
    return one.empty() ? 0 : static_cast<std::uint8_t>(one[0]);
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint8_t next = byte();
      value |= std::uint64_t{next & 0x7fU} << shift;
      if (next < 0x80) return value;
    }
    fail();
    return 0;
  }
  std::int64_t integer() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
  }
  double real() {
    std::uint64_t bits = 0;
    for (int shift = 0; shift < 64; shift += 8) bits |= std::uint64_t{byte()} << shift;
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  std::string_view raw(std::size_t size) {
    if (size > rest_.size()) {
      fail();
      return {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  std::string_view string() { return raw(number()); }
  Text text() {
    const std::uint64_t size = number();
    return size == 0 ? Text() : Text(raw(size - 1));
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace progressd

// Writes JSON into one buffer that its owner reuses: no allocation once it has grown.
// Ours and not a library's, because it is on the hot path: a third of what an update costs was
// RapidJSON's writer, which looks at every byte of every name. An object whose form is fixed is
// put() here with its names, quotes and commas as literals, and only its values are looked at.
// Loop thread or whichever thread owns the writer; never shared.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "core/base/text.h"

namespace progressd {

class JsonWriter {
 public:
  JsonWriter() = default;
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  /// Forgets what was written; the buffer's room stays.
  void clear() {
    size_ = 0;
    comma_due_ = false;
  }
  /// What was written since clear(); good until the next call.
  std::string_view view() const { return {bytes_.get(), size_}; }

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  void key(std::string_view name);

  /// Part of the document as it is; what follows stands right behind it.
  void put(std::string_view text) {
    std::memcpy(room(text.size()), text.data(), text.size());
    size_ += text.size();
    comma_due_ = false;
  }

  void null() { raw("null"); }
  void boolean(bool value) { raw(value ? "true" : "false"); }
  void integer(std::int64_t value) { number(value); }
  void unsigned_integer(std::uint64_t value) { number(value); }
  /// `value` is UTF-8.
  void string(std::string_view value);
  /// A string that is known to need no escapes: a name of ours, an id, a time.
  void token(std::string_view value) {
    char* at = value_room(value.size() + 2);
    *at++ = '"';
    std::memcpy(at, value.data(), value.size());
    at[value.size()] = '"';
    size_ += value.size() + 2;
  }
  /// A complete JSON value that is already text.
  void raw(std::string_view json);
  /// hundredths / 100 with no more decimals than it needs: 4500 is `45`, 1250 is `12.5`.
  void hundredths(std::int64_t value);

  void string_or_null(const Text& value) { value.is_null() ? null() : string(value.view()); }

  void field(std::string_view name, std::int64_t value) { key(name), integer(value); }
  void field(std::string_view name, std::string_view value) { key(name), string(value); }

 private:
  /// Makes room for `bytes` more, and returns where they go.
  char* room(std::size_t bytes) {
    if (capacity_ - size_ < bytes) grow(bytes);
    return bytes_.get() + size_;
  }
  void grow(std::size_t bytes);
  /// Room for `bytes`, behind a comma where one is due.
  char* value_room(std::size_t bytes) {
    char* at = room(bytes + 1);
    if (comma_due_) *at++ = ',', ++size_;
    comma_due_ = true;
    return at;
  }
  template <class Integer>
  void number(Integer value) {
    char* const at = value_room(kDigitsMax);
    size_ += static_cast<std::size_t>(std::to_chars(at, at + kDigitsMax, value).ptr - at);
  }
  void open(char bracket) {
    *value_room(1) = bracket;
    ++size_;
    comma_due_ = false;
  }
  void close(char bracket) {
    *room(1) = bracket;
    ++size_;
    comma_due_ = true;
  }

  static constexpr std::size_t kDigitsMax = 20;  // of 64 bits, with a sign

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  bool comma_due_ = false;  // before the next key or value
};

}  // namespace progressd

// Reads the JSON that clients send: one object, its fields handed to a visitor, every byte checked.
// simdjson finds the fields; what nobody asked for is checked as strictly as the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace progressd {

/// Readable bytes that must stand behind a text given to JsonReader (their values don't matter).
inline constexpr std::size_t kJsonPaddingBytes = 64;
/// Objects and arrays within each other, at most.
inline constexpr int kJsonDepthMax = 128;

/// A field's value, good during the visitor's call. Errors name `field` as clients know it.
class JsonValue {
 public:
  /// Errors: kInvalid, when it is no integer from `min` to `max` (5.0 is the integer 5).
  Result<std::int64_t> integer(std::string_view field, std::int64_t min, std::int64_t max);
  /// Errors: kInvalid, when it is no string of at most `bytes_max` bytes.
  /// The view is good until the reader's next read.
  Result<std::string_view> string(std::string_view field, std::size_t bytes_max);
  /// Any JSON value on one line without white space, numbers as they were written.
  /// Errors: kInvalid, when that takes more than `bytes_max` bytes, nests too deep, or has a number
  /// beyond 1e308.
  Result<std::string> json(std::string_view field, std::size_t bytes_max);

  bool is_array();
  /// Calls `visit` for each element of an array, in order, null ones included.
  /// Errors: the first one of `visit`; kInvalid, when it is no array.
  Result<void> elements(std::string_view field,
                        const std::function<Result<void>(JsonValue& element)>& visit);

 private:
  friend class JsonReader;
  explicit JsonValue(void* value) : value_(value) {}
  void* value_;  // simdjson's, which has its home in json_read.cc
  bool read_ = false;
};

class JsonReader {
 public:
  JsonReader();
  ~JsonReader();

  using Visit = std::function<Result<void>(std::string_view key, JsonValue& value)>;

  /// Calls `visit` for each field of the object `text`, in order, null ones left out.
  /// `text` has kJsonPaddingBytes readable bytes behind it.
  /// Errors: the first one of `visit`; kMalformed, when it is not JSON in UTF-8, or empty;
  /// kInvalid, when it is JSON but no object.
  Result<void> read_object(std::string_view text, const Visit& visit);
  /// The same for a text with nothing readable behind it: it is copied.
  Result<void> read_copied_object(std::string_view text, const Visit& visit);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

/// The same JSON in one form for all its spellings: fields sorted (of equal names the last), no
/// white space, numbers by value. For comparing.
/// Errors: kMalformed; kInvalid when it nests too deep.
Result<std::string> canonical_json(std::string_view text);

/// `text` on one line without white space, numbers as they were written.
/// Errors: kMalformed; kInvalid when it nests too deep.
Result<std::string> minified_json(std::string_view text);

}  // namespace progressd

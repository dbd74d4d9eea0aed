// Writes JSON into one buffer that its owner reuses: no allocation once it has grown.
// Loop thread or whichever thread owns the writer; never shared.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <string_view>

#include "core/base/text.h"

namespace progressd {

class JsonWriter {
 public:
  JsonWriter() : writer_(buffer_) {}
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  /// Forgets what was written; the buffer's room stays.
  void clear() {
    buffer_.Clear();
    writer_.Reset(buffer_);
  }
  /// What was written since clear(); good until the next call.
  std::string_view view() const { return {buffer_.GetString(), buffer_.GetSize()}; }

  void begin_object() { writer_.StartObject(); }
  void end_object() { writer_.EndObject(); }
  void begin_array() { writer_.StartArray(); }
  void end_array() { writer_.EndArray(); }
  void key(std::string_view name) { writer_.Key(name.data(), size(name)); }

  void null() { writer_.Null(); }
  void boolean(bool value) { writer_.Bool(value); }
  void integer(std::int64_t value) { writer_.Int64(value); }
  void unsigned_integer(std::uint64_t value) { writer_.Uint64(value); }
  void string(std::string_view value) { writer_.String(value.data(), size(value)); }
  /// A complete JSON value that is already text.
  void raw(std::string_view json) { writer_.RawValue(json.data(), json.size(), {}); }
  /// hundredths / 100 with no more decimals than it needs: 4500 is `45`, 1250 is `12.5`.
  void hundredths(std::int64_t value);

  void field(std::string_view name, std::int64_t value) { key(name), integer(value); }
  void field(std::string_view name, std::string_view value) { key(name), string(value); }
  void field_or_null(std::string_view name, const Text& value) {
    key(name);
    value.is_null() ? null() : string(value.view());
  }

 private:
  static rapidjson::SizeType size(std::string_view text) {
    return static_cast<rapidjson::SizeType>(text.size());
  }

  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_;
};

}  // namespace progressd

#include "core/base/json_object.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "core/base/ensure.h"

namespace progressd {
namespace {

/// Room that the parser has from the start; it grows to the largest text of the fast way.
constexpr std::size_t kParserBytesFirst = 4 * 1024;
/// A larger text goes the slow way: it is rare, and the parser keeps some 15 times its size.
constexpr std::size_t kFastBytesMax = 256 * 1024;

std::string comparable(simdjson::dom::element value) {
  std::string_view string;
  if (value.get_string().get(string) != simdjson::SUCCESS) return simdjson::minify(value);
  std::string text = "\"";
  return text.append(string);
}

/// Whether the JSON `text` has any, within strings or outside: of the bytes up to the space no
/// other stands in JSON. All are looked at, as that can be done in many at once.
bool has_blanks(std::string_view text) {
  unsigned char least = 0xff;
  for (const char c : text) least = std::min(least, static_cast<unsigned char>(c));
  return least <= ' ';
}

tl::unexpected<Error> too_large(std::size_t bytes_max) {
  return fail(Errc::kInvalid, fmt::format("the body must be at most {} bytes of JSON", bytes_max));
}

}  // namespace

struct JsonObjectReader::Parser {
  simdjson::dom::parser simd;
};

JsonObjectReader::JsonObjectReader() : parser_(std::make_unique<Parser>()) {
  ENSURE(parser_->simd.allocate(kParserBytesFirst, kJsonDepthMax) == simdjson::SUCCESS);
}
JsonObjectReader::~JsonObjectReader() = default;

Result<JsonObject> JsonObjectReader::read(std::string_view text, std::string_view field,
                                          std::size_t bytes_max) {
  static_assert(kJsonPaddingBytes >= simdjson::SIMDJSON_PADDING);
  simdjson::dom::object object;
  // What the fast parser does not take may be wrong, or only unusual: an integer of 30 digits.
  if (text.size() > kFastBytesMax ||
      parser_->simd.parse(text.data(), text.size(), /*realloc_if_needed=*/false)
          .get_object()
          .get(object)) {
    return read_slowly(text, field, bytes_max);
  }
  JsonObject read;
  for (const auto& [key, value] : object) {
    if (key == field) read.field = value.is_null() ? std::string() : comparable(value);
  }
  if (!has_blanks(text)) {  // there is nothing to leave out
    if (text.size() > bytes_max) return too_large(bytes_max);
    read.text = text;
    return read;
  }
  if (text_.size() < text.size()) text_.resize(text.size());
  std::size_t size = 0;
  if (simdjson::minify(text.data(), text.size(), text_.data(), size) != simdjson::SUCCESS) {
    return read_slowly(text, field, bytes_max);
  }
  if (size > bytes_max) return too_large(bytes_max);
  read.text = std::string_view(text_).substr(0, size);
  return read;
}

Result<JsonObject> JsonObjectReader::read_slowly(std::string_view text, std::string_view field,
                                                 std::size_t bytes_max) {
  JsonObject read;
  const Result<void> visited =
      reader_.read_object(text, [&](std::string_view key, JsonValue& value) -> Result<void> {
        if (key != field) return {};
        return value.json(field, bytes_max).map([&](std::string json) {
          simdjson::dom::element element;
          const bool usual = parser_->simd.parse(json).get(element) == simdjson::SUCCESS;
          read.field = usual ? comparable(element) : std::move(json);
        });
      });
  if (!visited) return tl::unexpected(visited.error());
  Result<std::string> whole = minified_json(text);
  if (!whole) return tl::unexpected(whole.error());
  if (whole->size() > bytes_max) return too_large(bytes_max);
  text_ = std::move(*whole);
  read.text = text_;
  return read;
}

}  // namespace progressd

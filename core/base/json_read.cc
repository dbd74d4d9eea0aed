#include "core/base/json_read.h"

#include <fmt/format.h>
#include <rapidjson/reader.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/json_write.h"
#include "core/base/utf8.h"

namespace progressd {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr unsigned kStrictFlags = rapidjson::kParseValidateEncodingFlag |
                                  rapidjson::kParseNumbersAsStringsFlag |
                                  rapidjson::kParseIterativeFlag;
constexpr double kExactIntegerMax = 9'007'199'254'740'992.0;  // 2^53
constexpr long long kExponentMax = 1'000'000'000'000;         // whoever writes more means the same

/// A length-bounded input, since texts from outside are not zero-terminated. RapidJSON asks for a
/// zero at the end; a NUL inside the text is then trailing garbage, found by comparing positions.
struct BoundedInput {
  using Ch = char;
  const char* at;
  const char* begin;
  const char* end;

  Ch Peek() const { return at == end ? '\0' : *at; }
  Ch Take() { return at == end ? '\0' : *at++; }
  std::size_t Tell() const { return static_cast<std::size_t>(at - begin); }
  Ch* PutBegin() { return nullptr; }
  void Put(Ch) {}
  void Flush() {}
  std::size_t PutEnd(Ch*) { return 0; }
};

/// Counts nesting for the handlers below and refuses what is too deep.
class Depth {
 public:
  bool enter() { return ++depth_ <= kJsonDepthMax; }
  void leave() { --depth_; }
  bool exceeded() const { return depth_ > kJsonDepthMax; }

 private:
  int depth_ = 0;
};

// RapidJSON 1.1.0 takes `\udc00` without the half that stands before it; the handlers refuse it.

class Minifier {
 public:
  bool Null() { return writer_.null(), true; }
  bool Bool(bool value) { return writer_.boolean(value), true; }
  bool Int(int) { return false; }  // numbers come as RawNumber
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* text, unsigned size, bool) { return writer_.raw({text, size}), true; }
  bool String(const char* text, unsigned size, bool) {
    return writer_.string({text, size}), !has_surrogate({text, size});
  }
  bool StartObject() { return writer_.begin_object(), depth_.enter(); }
  bool Key(const char* text, unsigned size, bool) {
    return writer_.key({text, size}), !has_surrogate({text, size});
  }
  bool EndObject(unsigned) { return depth_.leave(), writer_.end_object(), true; }
  bool StartArray() { return writer_.begin_array(), depth_.enter(); }
  bool EndArray(unsigned) { return depth_.leave(), writer_.end_array(), true; }

  bool too_deep() const { return depth_.exceeded(); }
  std::string take() const { return std::string(writer_.view()); }

 private:
  Depth depth_;
  JsonWriter writer_;
};

/// A decimal number by its value: `-` digits `e` exponent, no zero at either end of the digits.
std::string canonical_number(std::string_view text) {
  std::string digits;
  std::int64_t exponent = 0;
  const bool negative = text.front() == '-';
  std::size_t at = negative ? 1 : 0;
  bool fraction = false;
  for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; ++at) {
    if (text[at] == '.') {
      fraction = true;
      continue;
    }
    digits += text[at];
    if (fraction) --exponent;
  }
  if (at < text.size()) {
    const std::string written(text.substr(at + 1));
    exponent += std::clamp(std::strtoll(written.c_str(), nullptr, 10), -kExponentMax, kExponentMax);
  }
  digits.erase(0, digits.find_first_not_of('0'));
  if (digits.empty()) return "0";
  const std::size_t last = digits.find_last_not_of('0');
  exponent += static_cast<std::int64_t>(digits.size() - last - 1);
  digits.resize(last + 1);
  return fmt::format("{}{}e{}", negative ? "-" : "", digits, exponent);
}

class Canonicalizer {
 public:
  bool Null() { return put("null"); }
  bool Bool(bool value) { return put(value ? "true" : "false"); }
  bool Int(int) { return false; }  // numbers come as RawNumber
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* text, unsigned size, bool) {
    return put(canonical_number({text, size}));
  }
  bool String(const char* text, unsigned size, bool) {
    return put(quoted({text, size})) && !has_surrogate({text, size});
  }
  bool StartObject() { return open(); }
  bool Key(const char* text, unsigned size, bool) {
    levels_.back().push_back({quoted({text, size}), {}});
    in_object_ = true;
    return !has_surrogate({text, size});
  }
  bool EndObject(unsigned) {
    std::vector<Field> fields = close();
    std::stable_sort(fields.begin(), fields.end(),
                     [](const Field& a, const Field& b) { return a.key < b.key; });
    std::string text = "{";
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (i + 1 < fields.size() && fields[i].key == fields[i + 1].key) continue;  // the last counts
      if (text.size() > 1) text += ',';
      text += fields[i].key + ':' + fields[i].value;
    }
    return put(text + '}');
  }
  bool StartArray() { return open(); }
  bool EndArray(unsigned) {
    std::string text = "[";
    for (const Field& item : close()) {
      if (text.size() > 1) text += ',';
      text += item.value;
    }
    return put(text + ']');
  }

  bool too_deep() const { return depth_.exceeded(); }
  std::string take() { return std::move(levels_.front().back().value); }

 private:
  struct Field {
    std::string key;  // empty in an array
    std::string value;
  };

  std::string quoted(std::string_view text) {
    writer_.clear();
    writer_.string(text);
    return std::string(writer_.view());
  }
  bool put(std::string value) {
    std::vector<Field>& level = levels_.back();
    if (std::exchange(in_object_, false)) {
      level.back().value = std::move(value);
    } else {
      level.push_back({{}, std::move(value)});
    }
    return true;
  }
  bool open() {
    awaiting_.push_back(std::exchange(in_object_, false));
    levels_.emplace_back();
    return depth_.enter();
  }
  std::vector<Field> close() {
    depth_.leave();
    std::vector<Field> fields = std::move(levels_.back());
    levels_.pop_back();
    in_object_ = awaiting_.back();
    awaiting_.pop_back();
    return fields;
  }

  Depth depth_;
  JsonWriter writer_;
  bool in_object_ = false;  // a key waits for its value
  std::vector<bool> awaiting_;
  std::vector<std::vector<Field>> levels_{1};
};

template <class Handler>
Result<std::string> run(std::string_view text, Handler handler) {
  BoundedInput input{text.data(), text.data(), text.data() + text.size()};
  rapidjson::Reader reader;
  const rapidjson::ParseResult parsed = reader.Parse<kStrictFlags>(input, handler);
  if (handler.too_deep()) {
    return fail(Errc::kInvalid, fmt::format("JSON nests deeper than {} levels", kJsonDepthMax));
  }
  if (parsed.Code() == rapidjson::kParseErrorNumberTooBig) {
    return fail(Errc::kInvalid, "a number is beyond 1e308, the most that its readers can take");
  }
  // A NUL ends RapidJSON's input early: then not all of it was read.
  if (!parsed || input.at != input.end) {
    return fail(Errc::kMalformed, fmt::format("not JSON at byte {}", input.Tell()));
  }
  return handler.take();
}

Result<void> malformed(simdjson::error_code error) {
  return fail(Errc::kMalformed, fmt::format("not JSON: {}", simdjson::error_message(error)));
}

ondemand::value& value_of(void* value) { return *static_cast<ondemand::value*>(value); }

/// The text of a value, which is taken off with it; scalars come with the white space behind them.
simdjson::simdjson_result<std::string_view> raw_text(ondemand::value& value) {
  ondemand::json_type type;
  if (const auto error = value.type().get(type)) return error;
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return error;
    return object.raw_json();
  }
  if (type == ondemand::json_type::array) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return error;
    return array.raw_json();
  }
  std::string_view token = value.raw_json_token();  // not const, to be moved out
  if (type == ondemand::json_type::string) {
    // simdjson takes a string that was only looked at for a key, where a colon follows.
    ondemand::raw_json_string taken;
    if (const auto error = value.get_raw_json_string().get(taken)) return error;
  }
  return token;
}

/// Errors: kMalformed; kInvalid, naming the field, for what is JSON and yet not taken.
Result<std::string> checked_text(ondemand::value& value, std::string_view field) {
  std::string_view text;
  if (const auto error = raw_text(value).get(text)) {
    return fail(Errc::kMalformed, fmt::format("not JSON: {}", simdjson::error_message(error)));
  }
  Result<std::string> checked = minified_json(text);
  if (!checked && checked.error().code == Errc::kInvalid) {
    return fail(Errc::kInvalid, fmt::format("{}: {}", field, checked.error().detail));
  }
  return checked;
}

/// What to say of a value of another type than the field's: that, unless it is not even JSON.
tl::unexpected<Error> malformed_or(tl::unexpected<Error> refusal, ondemand::value& value,
                                   std::string_view field) {
  const Result<std::string> checked = checked_text(value, field);
  if (!checked && checked.error().code == Errc::kMalformed) {
    return tl::unexpected(checked.error());
  }
  return refusal;
}

}  // namespace

struct JsonReader::Parser {
  ondemand::parser simd;
};

JsonReader::JsonReader() : parser_(std::make_unique<Parser>()) {}
JsonReader::~JsonReader() = default;

Result<void> JsonReader::read_object(std::string_view text, const Visit& visit) {
  static_assert(kJsonPaddingBytes >= simdjson::SIMDJSON_PADDING);
  ondemand::document document;
  const simdjson::padded_string_view padded(text.data(), text.size(),
                                            text.size() + simdjson::SIMDJSON_PADDING);
  if (const auto error = parser_->simd.iterate(padded).get(document)) {
    if (error == simdjson::EMPTY) return fail(Errc::kMalformed, "the body is empty");
    return malformed(error);
  }
  ondemand::object object;
  if (document.get_object().get(object) != simdjson::SUCCESS) {
    if (const auto other = minified_json(text); !other) return tl::unexpected(other.error());
    return fail(Errc::kInvalid, "the body must be a JSON object");
  }
  for (auto item : object) {
    ondemand::field field;
    if (const auto error = std::move(item).get(field)) return malformed(error);
    std::string_view key;
    if (const auto error = field.unescaped_key().get(key)) return malformed(error);
    bool null = false;
    if (field.value().is_null().get(null) == simdjson::SUCCESS && null) continue;
    JsonValue value(&field.value());
    if (Result<void> visited = visit(key, value); !visited) {
      // What is no JSON is that in the first place, wherever the field stands.
      const Result<std::string> whole = minified_json(text);
      if (!whole && whole.error().code == Errc::kMalformed) return tl::unexpected(whole.error());
      return visited;
    }
    if (value.read_) continue;
    if (const auto checked = checked_text(field.value(), key); !checked) {
      return tl::unexpected(checked.error());
    }
  }
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return fail(Errc::kMalformed, "not JSON: more follows the object");
  }
  return {};
}

Result<void> JsonReader::read_copied_object(std::string_view text, const Visit& visit) {
  std::string padded;
  padded.reserve(text.size() + kJsonPaddingBytes);
  padded.append(text).append(kJsonPaddingBytes, ' ');
  return read_object(std::string_view(padded).substr(0, text.size()), visit);
}

Result<std::int64_t> JsonValue::integer(std::string_view field, std::int64_t min,
                                        std::int64_t max) {
  read_ = true;
  const auto refuse = [&] {
    return fail(Errc::kInvalid,
                fmt::format("{}: must be an integer from {} to {}", field, min, max));
  };
  std::int64_t number = 0;
  if (value_of(value_).get_int64().get(number) != simdjson::SUCCESS) {
    double real = 0;
    if (value_of(value_).get_double().get(real) != simdjson::SUCCESS) {
      return malformed_or(refuse(), value_of(value_), field);
    }
    if (std::trunc(real) != real || std::abs(real) > kExactIntegerMax) return refuse();
    number = static_cast<std::int64_t>(real);
  }
  if (number < min || number > max) return refuse();
  return number;
}

Result<std::string_view> JsonValue::string(std::string_view field, std::size_t bytes_max) {
  read_ = true;
  std::string_view text;
  if (const auto error = value_of(value_).get_string().get(text)) {
    if (error != simdjson::INCORRECT_TYPE) return tl::unexpected(malformed(error).error());
    return malformed_or(fail(Errc::kInvalid, fmt::format("{}: must be a string", field)),
                        value_of(value_), field);
  }
  if (text.size() > bytes_max) {
    return fail(Errc::kInvalid, fmt::format("{}: must be at most {} bytes", field, bytes_max));
  }
  return text;
}

Result<std::string> JsonValue::json(std::string_view field, std::size_t bytes_max) {
  read_ = true;
  Result<std::string> text = checked_text(value_of(value_), field);
  if (text && text->size() > bytes_max) {
    return fail(Errc::kInvalid,
                fmt::format("{}: must be at most {} bytes of JSON", field, bytes_max));
  }
  return text;
}

bool JsonValue::is_array() {
  ondemand::json_type type;
  return value_of(value_).type().get(type) == simdjson::SUCCESS &&
         type == ondemand::json_type::array;
}

Result<void> JsonValue::elements(std::string_view field,
                                 const std::function<Result<void>(JsonValue& element)>& visit) {
  read_ = true;
  ondemand::array array;
  if (value_of(value_).get_array().get(array) != simdjson::SUCCESS) {
    return malformed_or(fail(Errc::kInvalid, fmt::format("{}: must be an array", field)),
                        value_of(value_), field);
  }
  for (auto item : array) {
    ondemand::value value;
    if (const auto error = std::move(item).get(value)) return malformed(error);
    JsonValue element(&value);
    if (Result<void> visited = visit(element); !visited) return visited;
    if (element.read_) continue;
    if (const auto checked = checked_text(value, field); !checked) {
      return tl::unexpected(checked.error());
    }
  }
  return {};
}

Result<std::string> minified_json(std::string_view text) { return run(text, Minifier()); }
Result<std::string> canonical_json(std::string_view text) { return run(text, Canonicalizer()); }

}  // namespace progressd

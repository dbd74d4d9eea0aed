#include "core/base/json_read.h"

#include <gtest/gtest.h>

#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::error_of;
using testing::Padded;

constexpr std::int64_t k2To53 = 9'007'199'254'740'992;

Result<std::vector<std::string>> keys_of(std::string_view text) {
  JsonReader reader;
  std::vector<std::string> keys;
  const Padded padded(text);
  return reader
      .read_object(padded.view(),
                   [&](std::string_view key, JsonValue&) -> Result<void> {
                     keys.emplace_back(key);
                     return {};
                   })
      .map([&] { return keys; });
}

/// Reads the field `v` of an object with `read`.
template <class T, class Read>
Result<T> value_of(std::string_view value, Read read) {
  JsonReader reader;
  std::optional<T> out;
  const Padded padded("{\"v\":" + std::string(value) + "}");
  return reader
      .read_object(padded.view(),
                   [&](std::string_view, JsonValue& found) -> Result<void> {
                     return read(found).map([&](const auto& got) { out = T(got); });
                   })
      .map([&] { return out.value_or(T{}); });
}

Result<std::int64_t> integer_of(std::string_view value, std::int64_t min = -k2To53,
                                std::int64_t max = k2To53) {
  return value_of<std::int64_t>(value, [&](JsonValue& v) { return v.integer("v", min, max); });
}
Result<std::string> string_of(std::string_view value, std::size_t bytes_max = 100) {
  return value_of<std::string>(value, [&](JsonValue& v) { return v.string("v", bytes_max); });
}
Result<std::string> json_of(std::string_view value, std::size_t bytes_max = 1000) {
  return value_of<std::string>(value, [&](JsonValue& v) { return v.json("v", bytes_max); });
}

TEST(JsonReader, VisitsEachFieldInOrderAndLeavesNullOnesOut) {
  EXPECT_EQ(keys_of(R"( {"b":1, "a":"x","none" : null,"\u0063":[{}] } )"),
            (std::vector<std::string>{"b", "a", "c"}));
  EXPECT_EQ(keys_of("{}"), std::vector<std::string>{});
}

TEST(JsonReader, WhatIsNotJsonIsMalformed) {
  for (const std::string_view text : {"{",
                                      "}",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{\"a\":1 \"b\":2}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{\"a\":01}",
                                      "{\"a\":+1}",
                                      "{\"a\":.5}",
                                      "{\"a\":1.}",
                                      "{\"a\":tru}",
                                      "{\"a\":nul}",
                                      "{\"a\":nullx}",
                                      "{\"a\":\"x}",
                                      "{\"a\":\"\t\"}",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":\"\\ud800\"}",
                                      "{\"a\":[1,2}",
                                      "{\"a\":[1,,2]}",
                                      "{\"a\":{\"b\":}}",
                                      "{\"a\":1}}",
                                      "{\"a\":1} x",
                                      "{\"a\":1}{\"a\":1}",
                                      "{\"a\":NaN}",
                                      "{\"a\":1}//",
                                      "[1,",
                                      "tru",
                                      "nope",
                                      "\"x"}) {
    EXPECT_EQ(error_of(keys_of(text)), Errc::kMalformed) << text;
  }
}

TEST(JsonReader, AStringThatNobodyReadsIsNoKey) {
  // simdjson's iterator took `"a":1,…` behind the colon for an object that was not opened.
  for (const std::string_view text :
       {R"({"x":"a":1})", R"({"x":"a":1}})", R"({"x":"a":1,"y":[2}})", R"({"x":"a" : {},"y":2})"}) {
    EXPECT_EQ(error_of(keys_of(text)), Errc::kMalformed) << text;
  }
  EXPECT_EQ(error_of(json_of(R"("a":1)")), Errc::kMalformed);
  EXPECT_EQ(error_of(json_of(R"("a":1})")), Errc::kMalformed);
  EXPECT_EQ(keys_of(R"({"x":"a","y":"b:"})"), (std::vector<std::string>{"x", "y"}));
}

TEST(JsonReader, HalfOfASurrogatePairIsMalformed) {
  // RapidJSON looks for the second half behind the first, but not for the first before the second.
  for (const std::string_view half :
       {R"("\ud83d")", R"("\ude00")", R"("a\ude00b")", R"("\udfff")"}) {
    EXPECT_EQ(error_of(json_of(half)), Errc::kMalformed) << half;
    EXPECT_EQ(error_of(string_of(half)), Errc::kMalformed) << half;
    EXPECT_EQ(error_of(minified_json(half)), Errc::kMalformed) << half;
    EXPECT_EQ(error_of(canonical_json(half)), Errc::kMalformed) << half;
    EXPECT_EQ(error_of(keys_of("{" + std::string(half) + ":1}")), Errc::kMalformed) << half;
    EXPECT_EQ(error_of(json_of("{" + std::string(half) + ":1}")), Errc::kMalformed) << half;
    EXPECT_EQ(error_of(canonical_json("{" + std::string(half) + ":1}")), Errc::kMalformed) << half;
  }
  EXPECT_EQ(json_of(R"("\ud7ff\ud83d\ude00\ue000")"),
            "\"\xed\x9f\xbf\xf0\x9f\x98\x80\xee\x80\x80\"");
}

TEST(JsonReader, BytesThatAreNotUtf8AreMalformed) {
  for (const std::string_view text : {"{\"a\":\"\xff\"}", "{\"a\":\"\xc0\xaf\"}",
                                      "{\"\xed\xa0\x80\":1}", "{\"a\":\"\xf5\x80\"}"}) {
    EXPECT_EQ(error_of(keys_of(text)), Errc::kMalformed) << text;
  }
  EXPECT_EQ(keys_of("{\"\xc3\xa9\":1}"), std::vector<std::string>{"\xc3\xa9"});
}

TEST(JsonReader, ANulByteIsMalformed) {
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(error_of(keys_of("{\"a\":1}\0"sv)), Errc::kMalformed);
  EXPECT_EQ(error_of(keys_of("{\"a\":\"\0\"}"sv)), Errc::kMalformed);
  EXPECT_EQ(error_of(minified_json("1\0"sv)), Errc::kMalformed);
  EXPECT_EQ(error_of(minified_json("\0"sv)), Errc::kMalformed);
}

TEST(JsonReader, AnEmptyTextIsMalformed) {
  EXPECT_EQ(error_of(keys_of("")), Errc::kMalformed);
  EXPECT_EQ(error_of(keys_of(" \r\n\t")), Errc::kMalformed);
}

TEST(JsonReader, WhatIsJsonButNoObjectIsInvalid) {
  for (const std::string_view text : {"[]", "[{\"a\":1}]", "1", "\"x\"", "true", "null", " 5.5 "}) {
    EXPECT_EQ(error_of(keys_of(text)), Errc::kInvalid) << text;
  }
}

TEST(JsonReader, NestingBeyondItsBoundIsRefusedAndNeverAStackOverflow) {
  const auto nested = [](std::size_t depth) {
    return "{\"v\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(keys_of(nested(kJsonDepthMax)).has_value());
  EXPECT_EQ(error_of(keys_of(nested(kJsonDepthMax + 1))), Errc::kInvalid);
  EXPECT_FALSE(keys_of(nested(100'000)).has_value());
  EXPECT_FALSE(keys_of(std::string(100'000, '[')).has_value());
}

TEST(JsonReader, StopsAtTheVisitorsFirstError) {
  JsonReader reader;
  int visited = 0;
  const Padded text(R"({"a":1,"b":2,"c":3})");
  const Result<void> read = reader.read_object(text.view(), [&](std::string_view key, JsonValue&) {
    ++visited;
    return key == "b" ? Result<void>(fail(Errc::kInvalid, "b: no")) : Result<void>();
  });
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().detail, "b: no");
  EXPECT_EQ(visited, 2);
}

TEST(JsonReader, ReadsMoreThanOnce) {
  JsonReader reader;
  const auto visit = [](std::string_view, JsonValue&) { return Result<void>(); };
  EXPECT_TRUE(reader.read_object(Padded("{\"a\":1}").view(), visit).has_value());
  EXPECT_FALSE(reader.read_object(Padded("{\"a\":").view(), visit).has_value());
  EXPECT_TRUE(reader.read_object(Padded("{\"b\":[1,2,3]}").view(), visit).has_value());
}

TEST(JsonValue, AWholeNumberIsAnIntegerHoweverItIsWritten) {
  EXPECT_EQ(integer_of("5"), 5);
  EXPECT_EQ(integer_of("5.0"), 5);
  EXPECT_EQ(integer_of("5e0"), 5);
  EXPECT_EQ(integer_of("0.5E+1"), 5);
  EXPECT_EQ(integer_of("-0"), 0);
  EXPECT_EQ(integer_of("-3.000"), -3);
  EXPECT_EQ(integer_of("9007199254740991"), k2To53 - 1);
  EXPECT_EQ(integer_of("9007199254740991.0"), k2To53 - 1);
}

TEST(JsonValue, AnIntegerIsTakenUpToBothEdgesOfItsRange) {
  EXPECT_EQ(integer_of("1", 1, 10), 1);
  EXPECT_EQ(integer_of("10", 1, 10), 10);
  for (const std::string_view text : {"0", "11", "-1", "10.5", "1e1000", "9223372036854775808",
                                      "-9223372036854775809", "99999999999999999999999"}) {
    EXPECT_EQ(error_of(integer_of(text, 1, 10)), Errc::kInvalid) << text;
  }
}

TEST(JsonValue, WhatIsNoIntegerIsInvalidAndNamesItsField) {
  for (const std::string_view text : {"\"5\"", "true", "[5]", "{\"a\":5}", "5.5"}) {
    const Result<std::int64_t> read = integer_of(text);
    ASSERT_EQ(error_of(read), Errc::kInvalid) << text;
    EXPECT_EQ(read.error().detail.substr(0, 3), "v: ") << text;
  }
}

TEST(JsonValue, WhatIsBrokenInsideIsMalformedWhateverWasWanted) {
  for (const std::string_view text :
       {"[5,,]", "{\"a\":}", "5x", "truf", "[\"\\q\"]", "[\"\xff\"]"}) {
    EXPECT_EQ(error_of(integer_of(text)), Errc::kMalformed) << text;
    EXPECT_EQ(error_of(string_of(text)), Errc::kMalformed) << text;
    EXPECT_EQ(error_of(json_of(text)), Errc::kMalformed) << text;
  }
}

TEST(JsonValue, AStringIsUnescapedAndCountedInBytes) {
  EXPECT_EQ(string_of(R"("a\"\u00e9\n\ud83d\ude00")"), "a\"\xc3\xa9\n\xf0\x9f\x98\x80");
  EXPECT_EQ(string_of("\"abc\"", 3), "abc");
  EXPECT_EQ(string_of("\"\"", 0), "");
  EXPECT_EQ(error_of(string_of("\"abcd\"", 3)), Errc::kInvalid);
  EXPECT_EQ(error_of(string_of("\"\xc3\xa9\"", 1)), Errc::kInvalid);
  for (const std::string_view text : {"5", "true", "[\"a\"]", "{}"}) {
    EXPECT_EQ(error_of(string_of(text)), Errc::kInvalid) << text;
  }
}

/// The elements of a value that is an array of strings, joined by `|`.
Result<std::string> elements_of(std::string_view value) {
  return value_of<std::string>(value, [&](JsonValue& v) -> Result<std::string> {
    std::string joined;
    return v
        .elements("v",
                  [&](JsonValue& element) {
                    return element.string("v", 3).map(
                        [&](std::string_view text) { (joined += text) += '|'; });
                  })
        .map([&] { return joined; });
  });
}

TEST(JsonValue, AnArrayIsVisitedElementByElement) {
  EXPECT_EQ(elements_of(R"([])"), "");
  EXPECT_EQ(elements_of(R"( [ "a" , "\u0062" ] )"), "a|b|");
}

TEST(JsonValue, AnArrayStopsAtTheVisitorsFirstError) {
  for (const std::string_view value :
       {R"(["a",1])", R"(["a",null])", R"(["abcd"])", R"([["a"]])"}) {
    EXPECT_EQ(error_of(elements_of(value)), Errc::kInvalid) << value;
  }
}

TEST(JsonValue, WhatIsNoArrayIsSaid) {
  const auto is_array = [](std::string_view value) {
    return value_of<bool>(value, [](JsonValue& v) -> Result<bool> { return v.is_array(); });
  };
  EXPECT_EQ(is_array("[]"), true);
  for (const std::string_view value : {"{}", R"("[]")", "1", "true"}) {
    EXPECT_EQ(is_array(value), false) << value;
    EXPECT_EQ(error_of(elements_of(value)), Errc::kInvalid) << value;
  }
}

TEST(JsonValue, AnArrayIsCheckedWhetherItsElementsAreReadOrNot) {
  const auto visited = [](std::string_view value) {
    return value_of<int>(value, [](JsonValue& v) -> Result<int> {
      return v.elements("v", [](JsonValue&) { return Result<void>(); }).map([] { return 1; });
    });
  };
  EXPECT_EQ(visited(R"([1,{"a":[]},"x",null])"), 1);
  for (const std::string_view value : {"[1,]", "[1 2]", "[tru]", "[01]", "[\"\\q\"]", "[1"}) {
    EXPECT_EQ(error_of(visited(value)), Errc::kMalformed) << value;
    EXPECT_EQ(error_of(elements_of(value)), Errc::kMalformed) << value;
  }
}

TEST(JsonReader, ATextWithNothingBehindItIsCopied) {
  JsonReader reader;
  std::vector<std::string> keys;
  const std::string text = R"({"a":1,"b":[2]})";
  EXPECT_TRUE(reader.read_copied_object(text, [&](std::string_view key, JsonValue&) {
    keys.emplace_back(key);
    return Result<void>();
  }));
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(error_of(reader.read_copied_object(
                "{\"a\":1", [](std::string_view, JsonValue&) { return Result<void>(); })),
            Errc::kMalformed);
}

TEST(JsonValue, AnyJsonIsKeptValueForValueOnOneLine) {
  EXPECT_EQ(
      json_of(" { \"b\" : [ 1 , 1.50 , -0.0, 1e2, 12345678901234567890123 ] ,\n \"a\":\"x\\n\" } "),
      R"({"b":[1,1.50,-0.0,1e2,12345678901234567890123],"a":"x\n"})");
  EXPECT_EQ(json_of("\"x\""), "\"x\"");
  EXPECT_EQ(json_of("false"), "false");
  EXPECT_EQ(json_of("[null]"), "[null]");
  EXPECT_EQ(json_of("[1e308,-1E-400]"), "[1e308,-1E-400]");
}

TEST(JsonValue, ANumberThatNobodyCanReadIsInvalidAndNamesItsField) {
  for (const Result<std::string>& read : {json_of("[1e400]"), string_of("1e400")}) {
    ASSERT_EQ(error_of(read), Errc::kInvalid);
    EXPECT_EQ(read.error().detail.substr(0, 3), "v: ");
  }
}

TEST(JsonValue, JsonIsCountedWithoutItsWhiteSpace) {
  EXPECT_EQ(json_of("[ 1 , 2 ]", 5), "[1,2]");
  EXPECT_EQ(error_of(json_of("[1,2]", 4)), Errc::kInvalid);
}

TEST(CanonicalJson, IsEqualForEverySpellingOfTheSameValue) {
  const std::vector<std::pair<std::string_view, std::string_view>> same = {
      {R"({"a":1,"b":2})", R"( { "b" : 2 , "a" : 1 } )"},
      {"1", "1.0"},
      {"100", "1e2"},
      {"0", "-0.0"},
      {"0.001", "1E-3"},
      {"-12.50", "-1.25e+1"},
      {R"("\u0041")", R"("A")"},
      {R"("\/")", R"("/")"},
      {R"({"a":1,"a":2})", R"({"a":2})"},
      {R"([{"x":{"b":1,"a":[]}}])", R"([{"x":{"a":[],"b":1}}])"},
      {"123456789012345678901234567890", "1.23456789012345678901234567890e29"},
  };
  for (const auto& [a, b] : same) {
    ASSERT_TRUE(canonical_json(a).has_value()) << a;
    EXPECT_EQ(canonical_json(a).value(), canonical_json(b).value()) << a << " and " << b;
  }
}

TEST(CanonicalJson, DiffersWhereTheValuesDo) {
  const std::vector<std::pair<std::string_view, std::string_view>> different = {
      {"1", "\"1\""},
      {"[1,2]", "[2,1]"},
      {"null", "false"},
      {"{}", "[]"},
      {"1", "-1"},
      {"1", "10"},
      {"[]", "[null]"},
      {R"({"a":null})", "{}"},
      {"1e9", "1e10"},
      {R"({"a":{}})", R"({"a":[]})"},
      {"12345678901234567890", "12345678901234567891"},
      {R"({"a":1,"b":2})", R"({"a":2,"b":1})"},
  };
  for (const auto& [a, b] : different) {
    EXPECT_NE(canonical_json(a).value(), canonical_json(b).value()) << a << " and " << b;
  }
}

TEST(CanonicalJson, TakesExponentsOfAnySize) {
  EXPECT_TRUE(canonical_json("1.5e-99999999999999999999").has_value());
  EXPECT_EQ(canonical_json("0e-99999999999999999999").value(), "0");
  EXPECT_NE(canonical_json("1e-400").value(), canonical_json("1e-401").value());
}

TEST(CanonicalJson, RefusesWhatIsNoJson) {
  EXPECT_EQ(error_of(canonical_json("")), Errc::kMalformed);
  EXPECT_EQ(error_of(canonical_json("{\"a\":1}}")), Errc::kMalformed);
  EXPECT_EQ(error_of(canonical_json(std::string(kJsonDepthMax + 1, '['))), Errc::kInvalid);
}

}  // namespace
}  // namespace progressd

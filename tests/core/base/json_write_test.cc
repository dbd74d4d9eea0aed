#include "core/base/json_write.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "core/base/json_read.h"

namespace progressd {
namespace {

std::string json_string(std::string_view text) {
  JsonWriter out;
  out.string(text);
  return std::string(out.view());
}

TEST(JsonWriter, PutsCommasBetweenFieldsAndItems) {
  JsonWriter out;
  out.begin_object();
  out.field("a", std::int64_t{-1});
  out.key("b");
  out.begin_array();
  out.begin_object();
  out.end_object();
  out.null();
  out.boolean(true);
  out.unsigned_integer(UINT64_MAX);
  out.begin_array();
  out.end_array();
  out.end_array();
  out.field("c", "x");
  out.key("d");
  out.string_or_null(Text());
  out.key("e");
  out.string_or_null(Text(""));
  out.end_object();
  EXPECT_EQ(out.view(),
            R"({"a":-1,"b":[{},null,true,18446744073709551615,[]],"c":"x","d":null,"e":""})");
}

TEST(JsonWriter, PutsLiteralPartsAsTheyAre) {
  JsonWriter out;
  out.begin_array();
  out.begin_object();
  out.put(R"("a":)");
  out.integer(INT64_MIN);
  out.put(R"(,"b":)");
  out.string("x");
  out.end_object();
  out.null();
  out.end_array();
  EXPECT_EQ(out.view(), R"([{"a":-9223372036854775808,"b":"x"},null])");
}

TEST(JsonWriter, EscapesWhatJsonWantsEscapedAndNothingElse) {
  EXPECT_EQ(json_string(""), "\"\"");
  EXPECT_EQ(json_string("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(json_string("\b\f\n\r\t"), R"("\b\f\n\r\t")");
  EXPECT_EQ(json_string(std::string_view("\0\x01\x1f\x7f", 4)), "\"\\u0000\\u0001\\u001F\x7f\"");
  EXPECT_EQ(json_string("größer €𝄞"), "\"größer €𝄞\"");
}

TEST(JsonWriter, FindsAnEscapeAtEveryPlaceOfALongText) {
  for (const char special : {'"', '\\', '\n', '\x1f'}) {
    for (std::size_t size = 1; size < 40; ++size) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, '\xff');  // the neighbours of a match are what a trick gets wrong
        text[at] = special;
        std::string expected(at, '\xff');
        expected += special == '\n' ? "\\n" : special == '\x1f' ? "\\u001F" : "\\";
        if (special == '"' || special == '\\') expected += special;
        expected += std::string(size - at - 1, '\xff');
        ASSERT_EQ(json_string(text), '"' + expected + '"') << size << " " << at;
      }
    }
  }
}

TEST(JsonWriter, GrowsForTextsFullOfEscapes) {
  for (const std::size_t size : {100U, 4'096U, 4'097U, 300'000U}) {
    std::string expected = "\"";
    for (std::size_t i = 0; i < size; ++i) expected += "\\u0000";
    EXPECT_EQ(json_string(std::string(size, '\0')), expected + '"');
    EXPECT_EQ(json_string(std::string(size, 'x')), '"' + std::string(size, 'x') + '"');
  }
}

TEST(JsonWriter, WhatItWritesReadsBackAsTheSame) {
  std::mt19937 random(20261121);  // NOLINT(cert-msc51-cpp): the same texts in each run
  for (int round = 0; round < 2'000; ++round) {
    std::string text(random() % 60, ' ');
    for (char& c : text) c = static_cast<char>(random() % 128);
    JsonWriter out;
    out.begin_object();
    out.field("text", text);
    out.end_object();
    std::string json(out.view());
    json.reserve(json.size() + kJsonPaddingBytes);
    std::string read;
    const auto result = JsonReader().read_object(json, [&](std::string_view, JsonValue& value) {
      return value.string("text", 1'000).map([&](std::string_view view) { read = view; });
    });
    ASSERT_TRUE(result) << json;
    ASSERT_EQ(read, text);
  }
}

TEST(JsonWriter, WritesHundredthsWithoutNeedlessDecimals) {
  JsonWriter out;
  out.begin_array();
  for (const std::int64_t value : {0, 1, 10, 99, 100, 1'250, 4'500, 3'333}) out.hundredths(value);
  out.end_array();
  EXPECT_EQ(out.view(), "[0,0.01,0.1,0.99,1,12.5,45,33.33]");
}

TEST(JsonWriter, ForgetsWhatWasWrittenOnClear) {
  JsonWriter out;
  out.begin_array();
  out.null();
  out.clear();
  out.string("new");
  EXPECT_EQ(out.view(), "\"new\"");
}

}  // namespace
}  // namespace progressd

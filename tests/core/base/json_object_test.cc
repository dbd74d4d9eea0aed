#include "core/base/json_object.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::error_of;
using testing::Padded;

constexpr std::size_t kBytesMax = 256 * 1024;

class JsonObjectTest : public ::testing::Test {
 protected:
  Result<JsonObject> read(std::string_view text, std::size_t bytes_max = kBytesMax) {
    input.emplace(text);  // what is read may be a view of it
    return reader.read(input->view(), "status", bytes_max);
  }
  std::string text_of(std::string_view text) {
    const Result<JsonObject> object = read(text);
    return object ? std::string(object->text) : object.error().detail;
  }
  std::string status_of(std::string_view text) {
    const Result<JsonObject> object = read(text);
    return object ? object->field : object.error().detail;
  }
  JsonObjectReader reader;
  std::optional<Padded> input;
};

TEST_F(JsonObjectTest, PassesEveryValueOnAsItWasWritten) {
  for (const std::string_view text :
       {"{}", R"({"a":1,"b":-0.50,"c":1E+2,"d":12345678901234567890123,"e":0.1000})",
        R"({"text":"a  b\n\u00e9é\/","list":[1,[],{}],"no":null,"yes":true})",
        R"({"same":1,"same":2})"}) {
    EXPECT_EQ(text_of(text), text);
  }
}

TEST_F(JsonObjectTest, PutsItOnOneLine) {
  EXPECT_EQ(text_of("\r\n{ \"a\" :\n[ 1 ,\t2 ] ,\r\"b\":\" x \" }\n"), R"({"a":[1,2],"b":" x "})");
  // An integer beyond 64 bits goes another way, to the same end.
  EXPECT_EQ(text_of("{ \"a\" :\n 123456789012345678901 }"), R"({"a":123456789012345678901})");
}

TEST_F(JsonObjectTest, TellsEqualStatusesFromOthers) {
  EXPECT_EQ(status_of(R"({"status":"done"})"), status_of(R"({"a":1,"st\u0061tus" : "d\u006fne"})"));
  EXPECT_EQ(status_of(R"({"status":"done"})"),
            status_of(R"({"n":123456789012345678901,"status":"d\u006fne"})"));
  EXPECT_NE(status_of(R"({"status":"done"})"), status_of(R"({"status":"Done"})"));
  EXPECT_NE(status_of(R"({"status":"1"})"), status_of(R"({"status":1})"));
  EXPECT_NE(status_of(R"({"status":"\\n"})"), status_of(R"({"status":"\n"})"));
  EXPECT_NE(status_of(R"({"status":[1]})"), status_of(R"({"status":[2]})"));
  EXPECT_NE(status_of(R"({"status":""})"), status_of("{}"));
}

TEST_F(JsonObjectTest, TheLastOfEqualFieldsCountsAndOnlyTheOutermost) {
  EXPECT_EQ(status_of(R"({"status":"a","status":"b","x":{"status":"c"}})"),
            status_of(R"({"status":"b"})"));
  EXPECT_EQ(status_of(R"({"x":{"status":"c"}})"), "");
  EXPECT_EQ(status_of(R"({"status":null})"), "");
}

TEST_F(JsonObjectTest, RefusesWhatIsNoJson) {
  for (const std::string_view text :
       {"", " ", "{", "{\"a\":1 2}", "{\"a\":01}", "{\"a\":tru}", "{\"a\":'x'}", "{} {}",
        "{\"a\":1,}", "{\"a\":\"\n\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\xff\"}", "{\"a\":NaN}",
        "\xef\xbb\xbf{}"}) {
    EXPECT_EQ(error_of(read(text)), Errc::kMalformed) << text;
  }
}

TEST_F(JsonObjectTest, RefusesWhatIsNoObject) {
  for (const std::string_view text : {"[]", "1", "null", "\"{}\"", "true"}) {
    EXPECT_EQ(error_of(read(text)), Errc::kInvalid) << text;
  }
}

TEST_F(JsonObjectTest, CountsTheBytesWithoutWhiteSpace) {
  EXPECT_FALSE(error_of(read("{ \"a\" : 1 }", 7)));
  EXPECT_EQ(error_of(read("{ \"a\" : 10 }", 7)), Errc::kInvalid);
  const std::string value(kBytesMax - 8, 'x');
  EXPECT_FALSE(error_of(read("{\"a\":\"" + value + "\"}")));
  EXPECT_EQ(error_of(read("{\"a\":\"" + value + "x\"}")), Errc::kInvalid);
  EXPECT_FALSE(error_of(read("{\"a\":\"" + value + "\"}" + std::string(100'000, ' '))));
}

TEST_F(JsonObjectTest, NestsSoDeepAndNoDeeper) {
  const auto nested = [](int depth) {
    return "{\"a\":" + std::string(static_cast<std::size_t>(depth - 1), '[') +
           std::string(static_cast<std::size_t>(depth - 1), ']') + "}";
  };
  EXPECT_FALSE(error_of(read(nested(kJsonDepthMax))));
  EXPECT_EQ(error_of(read(nested(kJsonDepthMax + 1))), Errc::kInvalid);
}

TEST_F(JsonObjectTest, ANumberThatNobodyCanReadIsRefused) {
  EXPECT_EQ(error_of(read("{\"a\":1e400}")), Errc::kInvalid);
}

TEST_F(JsonObjectTest, IsReadAgainAndAgain) {
  const std::string large = "{\"a\":\"" + std::string(100'000, 'y') + "\"}";
  EXPECT_EQ(text_of(large), large);
  EXPECT_EQ(text_of("{\"a\":1}"), "{\"a\":1}");
  EXPECT_EQ(error_of(read("{\"a\":")), Errc::kMalformed);
  EXPECT_EQ(text_of("{\"a\":2}"), "{\"a\":2}");
}

}  // namespace
}  // namespace progressd

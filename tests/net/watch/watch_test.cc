#include "net/watch/watch.h"

#include <gtest/gtest.h>

namespace progressd {
namespace {

TEST(WatchSpec, HasANameAUrlAndAnInterval) {
  const Result<WatchSpec> plain = parse_watch("jobs=http://127.0.0.1:9000/status?a=b,c");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->name, "jobs");
  EXPECT_EQ(plain->url, "http://127.0.0.1:9000/status?a=b,c");
  EXPECT_EQ(plain->interval_ms, 500);
  const Result<WatchSpec> slow = parse_watch("a.b=https://host/path,interval=2s");
  ASSERT_TRUE(slow);
  EXPECT_EQ(slow->url, "https://host/path");
  EXPECT_EQ(slow->interval_ms, 2'000);
}

TEST(WatchSpec, WhatIsWrongIsNamed) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases{
      {"http://host/path", "write it like"},
      {"nothing", "write it like"},
      {"=http://host/", "name"},
      {"a b=http://host/", "name"},
      {"a=ftp://host/", "URL"},
      {"a=file:///etc/passwd", "URL"},
      {"a=http://", "URL"},
      {"a=http:///path", "URL"},
      {"a=http://host/ path", "URL"},
      {"a=http://host/\n", "URL"},
      {"a=http://host/,interval=soon", "soon"},
      {"a=http://host/,interval=1ms", "interval"}};
  for (const auto& [text, part] : cases) {
    const Result<WatchSpec> spec = parse_watch(text);
    ASSERT_FALSE(spec) << text;
    EXPECT_NE(spec.error().detail.find(part), std::string::npos) << spec.error().detail;
  }
}

TEST(WatchedStatus, ReadsResultAndMessageAndIgnoresTheRest) {
  JsonReader reader;
  const auto read = read_status(reader, R"({"x":{},"message":"m","result":"pending"})");
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, (WatchedStatus{"pending", "m"}));
  EXPECT_EQ(read_status(reader, R"({"result":"error","message":null})")->message, std::nullopt);
  for (const char* bad : {"", "{}", "[]", "x", R"({"result":1})", R"({"result":"a")"}) {
    EXPECT_FALSE(read_status(reader, bad)) << bad;
  }
}

TEST(WatchedStatus, CompletedAndErrorAreTheEnd) {
  EXPECT_TRUE((WatchedStatus{"completed", {}}.is_terminal()));
  EXPECT_TRUE((WatchedStatus{"error", {}}.is_terminal()));
  EXPECT_FALSE((WatchedStatus{"pending", {}}.is_terminal()));
  EXPECT_FALSE((WatchedStatus{"Completed", {}}.is_terminal()));
}

TEST(Backoff, DoublesUpToTenSecondsAndIsNeverShorterThanTheInterval) {
  EXPECT_EQ(backoff_ms(500, 1), 1'000);
  EXPECT_EQ(backoff_ms(500, 3), 4'000);
  EXPECT_EQ(backoff_ms(500, 5), 10'000);
  EXPECT_EQ(backoff_ms(500, 4'000'000'000), 10'000);
  EXPECT_EQ(backoff_ms(60'000, 3), 60'000);
}

}  // namespace
}  // namespace progressd

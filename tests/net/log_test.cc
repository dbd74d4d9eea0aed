#include "net/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>

namespace progressd {
namespace {

/// What `say` writes.
template <class Say>
std::string logged(const log::Settings& settings, const Say& say) {
  ::testing::internal::CaptureStderr();
  log::start(settings);
  say();
  return ::testing::internal::GetCapturedStderr();
}

std::ptrdiff_t lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

constexpr log::Settings kJson{.format = log::Format::kJson};

TEST(Log, ALineHasItsTimeInUtcAndItsLevel) {
  const std::string text = logged({}, [] { log::info("listening on {}", 80); });
  EXPECT_TRUE(std::regex_match(
      text, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info listening on 80\n)")))
      << text;
}

TEST(Log, AsJsonALineIsAnObject) {
  const std::string text = logged(kJson, [] { log::warn("a \"quoted\" {}", "word"); });
  EXPECT_TRUE(std::regex_match(
      text, std::regex(R"(\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",)"
                       R"("level":"warning","message":"a \\"quoted\\" word"\}\n)")))
      << text;
}

TEST(Log, WhateverIsInALineItStaysOne) {
  const std::string evil = std::string("a\nb\r\t\x1b[31m\x7f", 11) + '\0' + "\xc2\x9b" + "é%v{}";
  const std::string safe = R"(a\x0ab\x0d\x09\x1b[31m\x7f\x00\xc2\x9bé%v{})";
  const std::string text = logged({}, [&] { log::info("{}", evil); });
  EXPECT_NE(text.find(" info " + safe + "\n"), std::string::npos) << text;
  EXPECT_EQ(lines(text), 1);
  const std::string json = logged(kJson, [&] { log::info("{}", evil); });
  EXPECT_EQ(lines(json), 1);
  EXPECT_NE(json.find(R"(a\\x0ab\\x0d\\x09\\x1b[31m\\x7f\\x00\\xc2\\x9bé%v{}"})"),
            std::string::npos)
      << json;
}

TEST(Log, BytesThatAreNoUtf8AreEscaped) {
  const std::string json = logged(kJson, [] { log::info("{}", "\xff\xe9t\xc3"); });
  EXPECT_NE(json.find(R"("message":"\\xff\\xe9t\\xc3"})"), std::string::npos) << json;
}

TEST(Log, OnlySoManyWarningsASecondAndWhatWasLeftOutIsSaid) {
  const std::string text = logged({.lines_per_second_max = 5}, [] {
    for (int i = 0; i < 1'000; ++i) log::warn("a client does something again");
    log::info("ended");
  });
  const std::ptrdiff_t written = lines(text) - 2;
  EXPECT_GE(written, 5);
  EXPECT_LT(written, 900) << "a thousand lines within a second or a few";
  EXPECT_NE(text.find(std::to_string(1'000 - written) + " lines were left out"), std::string::npos)
      << text;
  EXPECT_TRUE(text.ends_with(" info ended\n")) << text;
}

TEST(Log, WhatTheServerSaysOfItselfIsNotLeftOut) {
  const std::string text = logged({.lines_per_second_max = 1}, [] {
    for (int i = 0; i < 20; ++i) log::info("listening on {}", i);
    log::error("can't listen");
  });
  EXPECT_EQ(lines(text), 21);
}

TEST(Log, ALevelThatIsNotWantedIsNotCounted) {
  const std::string text = logged({.lines_per_second_max = 1}, [] {
    for (int i = 0; i < 20; ++i) log::debug("nobody wants to know");
    log::warn("this");
  });
  EXPECT_EQ(lines(text), 1) << text;
}

}  // namespace
}  // namespace progressd

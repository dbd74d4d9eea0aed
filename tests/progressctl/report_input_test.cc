#include "tools/progressctl/report_input.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/base/utf8.h"
#include "core/jobs/job.h"
#include "tools/progressctl/line_splitter.h"

namespace progressd::ctl {
namespace {

std::vector<std::string> lines_in(std::string_view text, std::size_t piece_bytes,
                                  std::size_t line_bytes_max = 100) {
  LineSplitter splitter(line_bytes_max);
  std::vector<std::string> lines;
  const auto take = [&](std::string_view line) { lines.emplace_back(line); };
  for (std::size_t at = 0; at < text.size(); at += piece_bytes) {
    splitter.feed(text.substr(at, piece_bytes), take);
  }
  splitter.finish(take);
  return lines;
}

TEST(LineSplitter, FindsTheSameLinesHoweverTheyArrive) {
  const std::vector<std::string> expected{"one", "two", "", "three", "10%", "20%", "last"};
  for (std::size_t bytes = 1; bytes < 40; ++bytes) {
    EXPECT_EQ(lines_in("one\ntwo\r\n\nthree\n10%\r20%\rlast", bytes), expected) << bytes;
  }
}

TEST(LineSplitter, LeavesOutTheRestOfALongLine) {
  EXPECT_EQ(lines_in(std::string(500, 'x') + "\ny\n", 7, 10),
            (std::vector<std::string>{std::string(10, 'x'), "y"}));
}

TEST(ReportInput, WithoutATotalItGrowsAndIsTheNumberOfLinesAtTheEnd) {
  ReportInput input;
  input.begin({});
  for (int i = 0; i < 250; ++i) {
    input.take("line");
    EXPECT_LE(input.progress().done, input.progress().total);
  }
  EXPECT_EQ(input.progress().done, 250);
  EXPECT_EQ(input.completed().total, 250);
}

TEST(ReportInput, AFixedTotalIsNeverPassed) {
  ReportInput input;
  input.total = 2;
  input.begin({0, 2, {}});
  for (const char* line : {"a", "b", "c"}) input.take(line);
  EXPECT_EQ(input.progress().done, 2);
  EXPECT_EQ(input.completed().total, 2);
  EXPECT_EQ(input.progress().message, "c");
}

TEST(ReportInput, PercentNeverGoesBackAndNonsenseIsNone) {
  ReportInput input;
  input.percent = *Pattern::compile("--percent-regex", "([^ ]*)%");
  input.begin({0, 200, {}});
  for (const char* line : {"10%", "5%", "x%", "-3%", "101%", "1e9%", "nan%", "%", "no"}) {
    input.take(line);
  }
  EXPECT_EQ(input.progress().done, 20);
  input.take("at 99.9% of it");
  EXPECT_EQ(input.progress().done, 199);
}

TEST(ReportInput, EachWholePercentOfAHundredIsAStep) {
  for (int percent = 0; percent <= 100; ++percent) {
    ReportInput input;
    input.percent = *Pattern::compile("--percent-regex", "([^ ]*)%");
    input.begin({0, 100, {}});
    input.take(std::to_string(percent) + "%");
    EXPECT_EQ(input.progress().done, percent);
  }
}

TEST(ReportInput, TheFirstLineThatMeansFailureIsTheReason) {
  ReportInput input;
  input.fail_on = *Pattern::compile("--fail-on", "^E");
  input.begin({});
  for (const char* line : {"fine", "E1", "E2"}) input.take(line);
  EXPECT_EQ(input.failure(), "E1");
}

TEST(ReportInput, AMessageIsUtf8AndNoLongerThanTheServerTakes) {
  for (const std::string& line : {std::string("\xff\xfe"), std::string(5'000, '\xff'), "a" + [] {
                                    std::string text;
                                    for (int i = 0; i < 3'000; ++i) text += "ë";
                                    return text;
                                  }()}) {
    const std::string message = message_of(line);
    EXPECT_TRUE(is_utf8(message));
    EXPECT_LE(message.size(), kMessageBytesMax);
    EXPECT_FALSE(message.empty());
  }
}

TEST(Pattern, WhatIsNoExpressionIsNamedWithItsFlag) {
  const Result<Pattern> pattern = Pattern::compile("--fail-on", "(");
  ASSERT_FALSE(pattern);
  EXPECT_EQ(pattern.error().detail.rfind("--fail-on: ", 0), 0u);
}

}  // namespace
}  // namespace progressd::ctl

#include "tools/progressctl/terminal_text.h"

#include <gtest/gtest.h>

#include <clocale>
#include <string>

namespace progressd::ctl {
namespace {

class TerminalText : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
  void TearDown() override { std::setlocale(LC_CTYPE, "C"); }
};

TEST_F(TerminalText, WhatIsHarmlessStaysAsItIs) {
  EXPECT_EQ(printable("Zoë: 日本語 ✓ 🎉 'quoted' \\"), "Zoë: 日本語 ✓ 🎉 'quoted' \\");
}

TEST_F(TerminalText, NoControlReachesATerminal) {
  EXPECT_EQ(printable("\x1b[2J\r\n\t\a\x7f"), "\\x1b[2J\\x0d\\x0a\\x09\\x07\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u{9b}31m");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST_F(TerminalText, NoTextRunsBackwardsOrHides) {
  EXPECT_EQ(printable("a\u202eb\u2066c\u200bd\ufeffe\u2028f\u00adg\U000e0041"),
            "a\\u{202e}b\\u{2066}c\\u{200b}d\\u{feff}e\\u{2028}f\\u{ad}g\\u{e0041}");
}

TEST_F(TerminalText, BytesThatAreNoCharactersAreShownAsBytes) {
  EXPECT_EQ(printable("\xff\xc0\x80\xe2\x82 \xed\xa0\x80 \xf5\x80\x80\x80 \xc3"),
            "\\xff\\xc0\\x80\\xe2\\x82 \\xed\\xa0\\x80 \\xf5\\x80\\x80\\x80 \\xc3");
}

TEST_F(TerminalText, EveryByteTwiceIsPrintable) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text =
          printable(std::string{static_cast<char>(first), static_cast<char>(second)});
      for (const char c : text) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
      EXPECT_EQ(printable(text), text) << "nothing is left to escape";
    }
  }
}

TEST_F(TerminalText, ColumnsAreThoseOfATerminal) {
  EXPECT_EQ(columns_of(""), 0u);
  EXPECT_EQ(columns_of("abc"), 3u);
  EXPECT_EQ(columns_of("ë"), 1u);
  EXPECT_EQ(columns_of("日本"), 4u);
  EXPECT_EQ(columns_of("e\u0301"), 1u);
}

TEST_F(TerminalText, TextIsCutWithinItsColumns) {
  EXPECT_EQ(fitted("abc", 5), "abc  ");
  EXPECT_EQ(fitted("abcdef", 5), "abcd…");
  EXPECT_EQ(fitted("日本語", 5), "日本…");
  EXPECT_EQ(fitted("日本語", 4), "日… ") << "half a character is none";
  EXPECT_EQ(fitted("abc", 0), "");
  EXPECT_EQ(cut("abc", 3), "abc");
  for (std::size_t columns = 0; columns < 12; ++columns) {
    EXPECT_EQ(columns_of(fitted("a日b本c語", columns)), columns);
  }
}

TEST_F(TerminalText, WithoutUtf8OnlyAsciiIsShown) {
  ASSERT_NE(std::setlocale(LC_CTYPE, "C"), nullptr);
  EXPECT_EQ(printable("Zoë"), "Zo\\u{eb}");
  EXPECT_EQ(cut("abcdef", 3), "ab~");
}

}  // namespace
}  // namespace progressd::ctl

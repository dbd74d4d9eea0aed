#include "core/base/utf8.h"

#include <gtest/gtest.h>

namespace progressd {
namespace {

TEST(Utf8, KnowsCharactersFromOtherBytes) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x80"));
  for (const char* bad : {"\xff", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\x80", "a\xf0\x9f\x9a"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
    EXPECT_TRUE(is_utf8(to_utf8(bad)));
  }
}

TEST(Utf8, KeepsWhatIsGoodAroundWhatIsNot) {
  EXPECT_EQ(to_utf8("a\xff\xc3\xa9"), "a\xef\xbf\xbd\xc3\xa9");
}

}  // namespace
}  // namespace progressd

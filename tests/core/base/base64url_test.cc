#include "core/base/base64url.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/core/testing.h"

namespace progressd {
namespace {

TEST(Base64url, WritesTheExamplesOfTheRfcWithoutPadding) {
  const std::vector<std::pair<std::string_view, std::string_view>> examples{
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"}};
  for (const auto& [bytes, text] : examples) {
    EXPECT_EQ(base64url(bytes), text);
    EXPECT_EQ(base64url_decoded(text), bytes);
  }
}

TEST(Base64url, ReadsBackWhatItWrote) {
  const std::uint64_t seed = testing::test_seed();
  SCOPED_TRACE(testing::seed_note(seed));
  testing::Chance chance(seed);
  for (std::size_t size = 0; size < 100; ++size) {
    std::string bytes;
    while (bytes.size() < size) bytes += static_cast<char>(chance.next());
    EXPECT_EQ(base64url_decoded(base64url(bytes)), bytes);
  }
}

TEST(Base64url, TakesNoOtherSpelling) {
  for (const std::string_view text : {"Zg==", "Zg=", "Zm9v\n", " Zm9v", "Zm 9v", "+_8", "-/8", "A",
                                      "Zm9vA", "Zh", "Zm9", "Zm9v.", "Zm9\xc3\xa9"}) {
    EXPECT_EQ(base64url_decoded(text), std::nullopt) << text;
  }
  EXPECT_EQ(base64url_decoded(std::string_view("Zm9\0", 4)), std::nullopt);
}

}  // namespace
}  // namespace progressd

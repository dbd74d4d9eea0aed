#include "core/jobs/traceparent.h"

#include <gtest/gtest.h>

#include <string>

namespace progressd {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kParent = "00f067aa0ba902b7";

std::string field(const std::string& version, const std::string& flags) {
  return version + "-" + kTrace + "-" + kParent + "-" + flags;
}

TEST(Traceparent, OfTheKnownVersionIsKeptAsItIs) {
  for (const char* flags : {"00", "01", "02", "03", "ff"}) {
    EXPECT_EQ(parse_traceparent(field("00", flags)), field("00", flags));
  }
}

TEST(Traceparent, OfALaterVersionIsBroughtToTheKnownOne) {
  EXPECT_EQ(parse_traceparent(field("01", "01")), field("00", "01"));
  EXPECT_EQ(parse_traceparent(field("cc", "ff") + "-what-the-future-has"), field("00", "01"));
  EXPECT_EQ(parse_traceparent(field("fe", "fe") + "-"), field("00", "00"));
  EXPECT_EQ(parse_traceparent(field("01", "01") + "."), std::nullopt);
  EXPECT_EQ(parse_traceparent(field("01", "01") + "0-"), std::nullopt);
}

TEST(Traceparent, ThatIsMalformedIsNone) {
  const std::string good = field("00", "01");
  const std::string zeros(32, '0');
  for (const std::string& bad : {std::string(),
                                 std::string("00"),
                                 good + "-",
                                 good + "-00",
                                 good + "0",
                                 " " + good,
                                 good.substr(0, good.size() - 1),
                                 field("ff", "01"),
                                 field("0", "01"),
                                 field("000", "01"),
                                 field("0x", "01"),
                                 field("00", "1"),
                                 field("00", "0g"),
                                 field("00", "0A"),
                                 "00-" + zeros + "-" + kParent + "-01",
                                 "00-" + kTrace + "-" + zeros.substr(16) + "-01",
                                 "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + kParent + "-01",
                                 "00-" + kTrace + "-00F067AA0BA902B7-01",
                                 "00-" + kTrace.substr(1) + "-" + kParent + "-011",
                                 "00-" + kTrace + "-" + kParent.substr(1) + "x-01",
                                 "00." + kTrace + "-" + kParent + "-01",
                                 "00-" + kTrace + "." + kParent + "-01",
                                 "00-" + kTrace + "-" + kParent + ".01",
                                 "00-" + kTrace.substr(1) + "\n-" + kParent + "-01",
                                 good + "," + good}) {
    EXPECT_EQ(parse_traceparent(bad), std::nullopt) << bad;
  }
}

TEST(Traceparent, ThatIsWrongInAnyByteIsNoneOrAnother) {
  const std::string good = field("00", "01");
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string other = good;
    other[at] = 'G';
    EXPECT_EQ(parse_traceparent(other), std::nullopt) << at;
  }
}

}  // namespace
}  // namespace progressd

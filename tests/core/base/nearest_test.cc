#include "core/base/nearest.h"

#include <gtest/gtest.h>

namespace progressd {
namespace {

const std::vector<std::string> kKnown{"max-jobs", "max-headers", "drain", "demo"};

TEST(Nearest, IsTheNameWithTheFewestSlips) {
  EXPECT_EQ(nearest("max-job", kKnown), "max-jobs");
  EXPECT_EQ(nearest("maxjobs", kKnown), "max-jobs");
  EXPECT_EQ(nearest("max-haeders", kKnown), "max-headers");
  EXPECT_EQ(nearest("drian", kKnown), std::nullopt);  // two letters of five
  EXPECT_EQ(nearest("dran", kKnown), "drain");
}

TEST(Nearest, IsNoneWhenNothingIsMeant) {
  EXPECT_EQ(nearest("colour", kKnown), std::nullopt);
  EXPECT_EQ(nearest("", kKnown), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'x'), kKnown), std::nullopt);
  EXPECT_EQ(nearest("max-jobs", {}), std::nullopt);
}

}  // namespace
}  // namespace progressd

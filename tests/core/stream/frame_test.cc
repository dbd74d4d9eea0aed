#include "core/stream/frame.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "core/base/text.h"

namespace progressd {
namespace {

TEST(Frame, HoldsItsPartsInOnePiece) {
  const FrameRef frame({"ab", "", "cde"}, {7, 9, true, true});
  EXPECT_EQ(frame.bytes(), "abcde");
  EXPECT_EQ(frame.about().topic, 7u);
  EXPECT_EQ(frame.about().sequence, 9u);
  EXPECT_TRUE(frame.about().conflatable);
  EXPECT_TRUE(frame.about().progress);
}

TEST(Frame, CopiesWhatItIsMadeOf) {
  std::string source = "abc";
  const FrameRef frame(source);
  source = "xyz";
  EXPECT_EQ(frame.bytes(), "abc");
  EXPECT_EQ(frame.about().topic, 0u);
}

TEST(Frame, IsSharedByItsReferencesAndOutlivesTheFirst) {
  std::vector<FrameRef> queue;
  {
    const FrameRef frame("payload");
    queue.assign(3, frame);
    EXPECT_EQ(queue[0].bytes().data(), frame.bytes().data());
  }
  queue.erase(queue.begin());
  EXPECT_EQ(queue[1].bytes(), "payload");
}

TEST(Frame, AMovedFromReferenceIsNull) {
  FrameRef first("a");
  FrameRef second(std::move(first));
  EXPECT_TRUE(first.is_null());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_FALSE(second.is_null());
  first = second;
  second = FrameRef();
  EXPECT_EQ(first.bytes(), "a");
  FrameRef& itself = first;
  first = itself;
  EXPECT_EQ(first.bytes(), "a");
}

TEST(Text, IsNullOnlyWhenNothingWasSaid) {
  EXPECT_TRUE(Text().is_null());
  EXPECT_FALSE(Text("").is_null());
  EXPECT_FALSE(Text() == Text(""));
  EXPECT_TRUE(Text("a") == Text("a"));
  EXPECT_FALSE(Text("a") == Text("b"));
  EXPECT_EQ(Text().view(), "");
  EXPECT_TRUE(Text() == Text());
}

TEST(Text, SharesItsBytes) {
  Text first("some words");
  const Text second = first;
  EXPECT_EQ(first.view().data(), second.view().data());
  first = Text();
  EXPECT_EQ(second.view(), "some words");
}

TEST(Text, IsCountedRightWhereThreadsShareIt) {
  const Text text("some words");  // counted by one thread up to here
  const auto copy_often = [&text] {
    for (int i = 0; i < 200'000; ++i) {
      const Text copy = text;
      const Text second = copy;
    }
  };
  std::thread one(copy_often);
  std::thread other(copy_often);
  copy_often();
  one.join();
  other.join();
  // A count that was lost would have freed it, and freed it twice.
  EXPECT_EQ(text.view(), "some words");
  const Text copy = text;
  EXPECT_EQ(copy.view(), "some words");
}

}  // namespace
}  // namespace progressd

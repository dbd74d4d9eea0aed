// What an outbox holds in memory, against what its header promises.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "core/stream/outbox.h"
#include "tests/core/counting_allocator.h"
#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::bytes_alive;
using testing::bytes_alive_max;
using testing::Chance;

constexpr std::size_t kFrameBytesMax = 300;

/// An outbox whose memory is compared with the promise at its highest point within each call.
class WatchedOutbox {
 public:
  void push(std::size_t size, TopicId topic, bool conflatable) {
    const std::size_t bytes = outbox_.bytes() + size;
    frames_max_ = std::max(frames_max_, frames_ + 1);
    bytes_alive_max = bytes_alive;
    frames_ += 1 - outbox_.push(FrameRef({std::string_view(filler_).substr(0, size)},
                                         {topic, ++sequence_, conflatable, conflatable},
                                         BlockSum{}));  // a compressed one's head is larger
    check(bytes);
  }
  void consume(std::size_t bytes) {
    const std::size_t before = outbox_.bytes();
    bytes_alive_max = bytes_alive;
    frames_ -= outbox_.consume(bytes);
    check(before);
  }

  std::size_t bytes() const { return outbox_.bytes(); }
  std::size_t frames() const { return frames_; }
  /// Besides the frames' bytes, at the last call's highest point.
  std::size_t overhead_bytes() const { return bytes_alive_max - before_ - outbox_.bytes(); }

 private:
  void check(std::size_t bytes) const {
    const std::size_t begun = kFrameBytesMax;
    ASSERT_LE(bytes_alive_max - before_,
              bytes + begun + frames_max_ * Outbox::kFrameOverheadBytesMax + Outbox::kOwnBytesMax)
        << frames_ << " frames, " << frames_max_ << " at most";
  }

  const std::string filler_ = std::string(kFrameBytesMax, 'x');
  const std::size_t before_ = bytes_alive - sizeof(Outbox);  // which stands on the stack here
  Outbox outbox_;
  Sequence sequence_ = 0;
  std::size_t frames_ = 0;
  std::size_t frames_max_ = 0;
};

TEST(OutboxMemory, StaysWithinItsPromiseWhateverIsPushedAndSent) {
  const std::uint64_t seed = testing::test_seed();
  SCOPED_TRACE(testing::seed_note(seed));
  Chance chance(seed);
  for (int round = 0; round < 40; ++round) {
    WatchedOutbox outbox;
    const std::int64_t topics = chance.between(1, chance.one_in(2) ? 2'000 : 20);
    const std::int64_t conflatable = chance.between(0, 10);  // of ten
    const std::int64_t reads = chance.between(1, 200);       // one in so many steps
    for (int i = 0; i < 4'000 && !HasFatalFailure(); ++i) {
      if (chance.one_in(reads) && outbox.bytes() > 0) {
        outbox.consume(
            static_cast<std::size_t>(chance.between(1, static_cast<std::int64_t>(outbox.bytes()))));
      } else {
        outbox.push(static_cast<std::size_t>(chance.between(1, kFrameBytesMax)),
                    static_cast<TopicId>(chance.between(1, topics)),
                    chance.between(1, 10) <= conflatable);
      }
    }
  }
}

TEST(OutboxMemory, PromisesNoMoreThanTheWorstReaderNeeds) {
  // Progress of as many jobs as there are frames, of the size that the allocator rounds up most.
  constexpr TopicId kTopics = 10'000;
  WatchedOutbox outbox;
  std::size_t overhead = 0;
  for (TopicId i = 0; i < 4 * kTopics && !HasFatalFailure(); ++i) {
    outbox.push(/*size=*/9, 1 + i % kTopics, /*conflatable=*/true);
    overhead = std::max(overhead, outbox.overhead_bytes());
  }
  EXPECT_EQ(outbox.frames(), kTopics);
  EXPECT_GT(overhead, kTopics * Outbox::kFrameOverheadBytesMax / 2);
}

TEST(OutboxMemory, AReaderThatNeverReadsCostsBoundedMemory) {
  constexpr TopicId kTopics = 10;
  Outbox outbox;
  const auto publish = [&](Sequence sequence) {
    outbox.push(FrameRef({"some progress"}, {sequence % kTopics, sequence, true, true}));
  };
  outbox.push(FrameRef("what the socket does not take"));
  for (Sequence sequence = 1; sequence <= 1'000; ++sequence) publish(sequence);
  const std::size_t before = bytes_alive;
  for (Sequence sequence = 1'001; sequence <= 200'000; ++sequence) publish(sequence);
  EXPECT_LT(bytes_alive, before + 4096);
  EXPECT_EQ(outbox.bytes(), 29u + 13 * kTopics);
}

TEST(OutboxMemory, AFrameThatSeveralHoldIsThereOnce) {
  constexpr std::size_t kOutboxes = 1'000;
  constexpr std::size_t kLarge = 100'000;
  std::vector<Outbox> outboxes(kOutboxes);
  const std::string text(kLarge, 'x');
  const std::size_t before = bytes_alive;
  for (Sequence sequence = 1; sequence <= 3; ++sequence) {
    const FrameRef frame({text}, {/*topic=*/1, sequence, true, true});
    for (Outbox& outbox : outboxes) outbox.push(frame);
  }
  const std::size_t queued = kOutboxes * (Outbox::kFrameOverheadBytesMax + Outbox::kOwnBytesMax);
  EXPECT_LT(bytes_alive, before + kLarge + queued);
  for (const Outbox& outbox : outboxes) EXPECT_EQ(outbox.bytes(), kLarge);
}

}  // namespace
}  // namespace progressd

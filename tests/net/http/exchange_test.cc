// What is counted of answers that wait for their readers.
#include "net/http/exchange.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace progressd {
namespace {

constexpr std::size_t kLarge = 100'000;

class WaitingAnswersTest : public ::testing::Test {
 protected:
  WaitingAnswersTest() { limits_.answers_bytes_max = 3 * kLarge; }

  static void answer(Exchange& exchange, std::size_t bytes) {
    exchange.out.append(bytes, 'a');
    exchange.count();
  }
  static void send(Exchange& exchange, std::size_t bytes) {
    exchange.sent += bytes;
    exchange.drop_sent();
  }
  /// Whether nothing is counted: then one alone is taken whatever it takes.
  bool is_nothing_counted() { return pool_.answers().have_room_for(0, SIZE_MAX / 2); }

  HttpLimits limits_;
  ExchangePool pool_{limits_, nullptr};
};

TEST_F(WaitingAnswersTest, LargeOnesShareTheirRoomAndGiveItBackOnEveryWay) {
  std::vector<std::unique_ptr<Exchange>> exchanges;
  for (int i = 0; i < 4; ++i) exchanges.push_back(pool_.take());
  EXPECT_TRUE(exchanges[0]->has_room_for(10 * kLarge)) << "one alone, whatever it takes";
  for (std::size_t i = 0; i < 2; ++i) answer(*exchanges[i], kLarge);
  EXPECT_TRUE(exchanges[3]->has_room_for(kLarge));
  answer(*exchanges[2], kLarge);
  EXPECT_FALSE(exchanges[3]->has_room_for(kLarge));
  EXPECT_FALSE(exchanges[2]->has_room_for(kLarge)) << "nor behind one of its own";
  EXPECT_TRUE(exchanges[3]->has_room_for(WaitingAnswers::kSmallBytesMax));

  send(*exchanges[0], kLarge - 1);
  EXPECT_FALSE(exchanges[3]->has_room_for(kLarge)) << "its memory is still held";
  send(*exchanges[0], 1);
  EXPECT_TRUE(exchanges[3]->has_room_for(kLarge)) << "it was sent";
  answer(*exchanges[3], kLarge);
  EXPECT_FALSE(exchanges[0]->has_room_for(kLarge));
  exchanges[3].reset();
  EXPECT_TRUE(exchanges[0]->has_room_for(kLarge)) << "its connection was closed";
  pool_.give(std::move(exchanges[2]));
  EXPECT_TRUE(exchanges[0]->has_room_for(2 * kLarge)) << "its connection became a stream";
  EXPECT_FALSE(is_nothing_counted());
  exchanges.clear();
  EXPECT_TRUE(is_nothing_counted());
}

TEST_F(WaitingAnswersTest, SmallOnesAreNotCounted) {
  const auto exchange = pool_.take();
  answer(*exchange, 1'000);
  EXPECT_TRUE(is_nothing_counted());
  send(*exchange, 1'000);
  EXPECT_TRUE(is_nothing_counted());
}

TEST_F(WaitingAnswersTest, BeyondTheBoundNoFurtherRequestOfAReaderIsLookedAt) {
  const auto changes = pool_.take(), reader = pool_.take();
  answer(*reader, 10'000);
  EXPECT_FALSE(reader->is_full());
  answer(*changes, 3 * kLarge);
  EXPECT_TRUE(reader->is_full());
  EXPECT_FALSE(pool_.answers().bar_changes()) << "those may take as much again";
  answer(*changes, 4 * kLarge);
  EXPECT_TRUE(pool_.answers().bar_changes());
  send(*reader, 10'000 - 100);
  EXPECT_FALSE(reader->is_full()) << "it took them";
  limits_.answers_bytes_max = 100 * kLarge;
  EXPECT_FALSE(pool_.answers().bar_changes()) << "another bound is in force at once";
}

}  // namespace
}  // namespace progressd

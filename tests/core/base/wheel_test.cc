#include "core/base/wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "tests/core/testing.h"

namespace progressd {
namespace {

constexpr Millis kRoundMs = 4096;

/// A timer that says who it is.
struct Timer : WheelNode {
  explicit Timer(int timer_name = 0) : name(timer_name) {}
  int name;
};

std::vector<int> fired_by(Wheel& wheel, Millis now) {
  std::vector<int> names;
  wheel.advance(now, [&](WheelNode& node) { names.push_back(static_cast<Timer&>(node).name); });
  return names;
}

TEST(Wheel, FiresAtItsTimeAndNotBefore) {
  Wheel wheel(1000);
  Timer timer(1);
  wheel.set(timer, 1005);
  EXPECT_TRUE(timer.is_set());
  EXPECT_EQ(timer.due(), 1005);
  EXPECT_EQ(fired_by(wheel, 1004), std::vector<int>{});
  EXPECT_EQ(fired_by(wheel, 1005), std::vector<int>{1});
  EXPECT_FALSE(timer.is_set());
  EXPECT_EQ(fired_by(wheel, 9000), std::vector<int>{});
}

TEST(Wheel, FiresInTheOrderOfTheirTimes) {
  Wheel wheel(0);
  Timer late(3), early(1), middle(2);
  wheel.set(late, 30);
  wheel.set(early, 10);
  wheel.set(middle, 20);
  EXPECT_EQ(fired_by(wheel, 100), (std::vector<int>{1, 2, 3}));
}

TEST(Wheel, ALaterRoundsTimerWaitsForItsRound) {
  Wheel wheel(0);
  Timer soon(1), later(2);
  wheel.set(soon, 7);
  wheel.set(later, 7 + 3 * kRoundMs);
  EXPECT_EQ(fired_by(wheel, 7), std::vector<int>{1});
  EXPECT_EQ(fired_by(wheel, 6 + 3 * kRoundMs), std::vector<int>{});
  EXPECT_EQ(fired_by(wheel, 7 + 3 * kRoundMs), std::vector<int>{2});
}

TEST(Wheel, ALongPauseMissesNothing) {
  Wheel wheel(0);
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 100; ++i) {
    wheel.set(*timers.emplace_back(std::make_unique<Timer>(i)), 1 + 997 * i);
  }
  EXPECT_EQ(fired_by(wheel, 1'000'000).size(), 100u);
  EXPECT_FALSE(wheel.next_due());
}

TEST(Wheel, WhatIsDueAlreadyFiresNext) {
  Wheel wheel(1000);
  Timer timer(1);
  wheel.set(timer, 3);
  EXPECT_EQ(wheel.next_due(), 1001);
  EXPECT_EQ(fired_by(wheel, 1001), std::vector<int>{1});
}

TEST(Wheel, SettingAgainMovesTheTimer) {
  Wheel wheel(0);
  Timer timer(1);
  wheel.set(timer, 10);
  wheel.set(timer, 20);
  EXPECT_EQ(fired_by(wheel, 19), std::vector<int>{});
  EXPECT_EQ(fired_by(wheel, 20), std::vector<int>{1});
}

TEST(Wheel, ACancelledOrDestroyedTimerIsSilent) {
  Wheel wheel(0);
  Timer cancelled(1);
  auto destroyed = std::make_unique<Timer>(2);
  wheel.set(cancelled, 10);
  wheel.set(*destroyed, 10);
  wheel.cancel(cancelled);
  wheel.cancel(cancelled);
  destroyed.reset();
  EXPECT_EQ(fired_by(wheel, 100), std::vector<int>{});
}

TEST(Wheel, MayDieBeforeItsTimers) {
  Timer first(1), second(2);
  {
    Wheel wheel(0);
    wheel.set(first, 10);
    wheel.set(second, 10);
  }
  Wheel another(0);
  another.set(first, 5);
  EXPECT_EQ(fired_by(another, 5), std::vector<int>{1});
}

TEST(Wheel, FiringMayDestroyOthersOfTheSameMoment) {
  Wheel wheel(0);
  auto first = std::make_unique<Timer>(1);
  auto second = std::make_unique<Timer>(2);
  wheel.set(*first, 10);
  wheel.set(*second, 10);
  std::vector<int> names;
  wheel.advance(10, [&](WheelNode& node) {
    names.push_back(static_cast<Timer&>(node).name);
    first.reset();
    second.reset();
  });
  EXPECT_EQ(names, std::vector<int>{1});
}

TEST(Wheel, WhatFiringSetsWithinTheSameCallFiresInItsTurn) {
  Wheel wheel(0);
  Timer timer(1);
  wheel.set(timer, 10);
  std::vector<Millis> due;
  wheel.advance(50, [&](WheelNode& node) {
    due.push_back(node.due());
    wheel.set(node, node.due() + 20);
  });
  EXPECT_EQ(due, (std::vector<Millis>{10, 30, 50}));
  EXPECT_EQ(wheel.next_due(), 70);
}

TEST(Wheel, ATimerThatIsSetForNowNeverLoopsForEver) {
  Wheel wheel(0);
  Timer timer(1);
  wheel.set(timer, 10);
  int fired = 0;
  wheel.advance(10, [&](WheelNode& node) {
    ++fired;
    wheel.set(node, 10);
  });
  EXPECT_EQ(fired, 1);
  EXPECT_TRUE(timer.is_set());
}

TEST(Wheel, NextDueIsNeverLateAndAtMostARoundAway) {
  Wheel wheel(0);
  Timer far(1), near(2);
  EXPECT_FALSE(wheel.next_due());
  wheel.set(far, 100'000);
  EXPECT_EQ(wheel.next_due(), kRoundMs);
  wheel.set(near, 77);
  EXPECT_EQ(wheel.next_due(), 77);
  wheel.cancel(near);
  EXPECT_EQ(wheel.next_due(), kRoundMs);
  wheel.cancel(far);
  EXPECT_FALSE(wheel.next_due());
}

TEST(Wheel, NextDueWhileFiringForgetsNoLaterRound) {
  Wheel wheel(0);
  Timer soon(1), later(2);
  wheel.set(soon, 7);
  wheel.set(later, 7 + kRoundMs);
  wheel.advance(7, [&](WheelNode&) { wheel.next_due(); });
  EXPECT_EQ(wheel.next_due(), 7 + kRoundMs);
}

TEST(Wheel, AgreesWithASortedMultimap) {
  const std::uint64_t seed = testing::test_seed();
  SCOPED_TRACE(testing::seed_note(seed));
  testing::Chance chance(seed);
  Millis now = chance.between(0, 1'000'000);
  Wheel wheel(now);
  std::vector<std::unique_ptr<Timer>> timers(200);
  for (int i = 0; i < 200; ++i) timers[static_cast<std::size_t>(i)] = std::make_unique<Timer>(i);
  std::multimap<Millis, int> model;
  const auto forget = [&](int name) {
    std::erase_if(model, [&](const auto& entry) { return entry.second == name; });
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t pick = chance.index(timers.size());
    const int name = static_cast<int>(pick);
    switch (chance.between(0, 5)) {
      case 0:
      case 1: {
        const Millis due = now + chance.between(-10, chance.one_in(4) ? 20'000 : 300);
        wheel.set(*timers[pick], due);
        forget(name);
        model.emplace(std::max(due, now + 1), name);
        break;
      }
      case 2:
        wheel.cancel(*timers[pick]);
        forget(name);
        break;
      case 3:
        timers[pick] = std::make_unique<Timer>(name);
        forget(name);
        break;
      default: {
        now += chance.between(0, chance.one_in(50) ? 30'000 : 100);
        std::multimap<Millis, int> fired;
        wheel.advance(now, [&](WheelNode& node) {
          fired.emplace(node.due(), static_cast<Timer&>(node).name);
        });
        std::size_t expected = 0;
        for (const auto& entry : fired) ASSERT_LE(entry.first, now);
        while (!model.empty() && model.begin()->first <= now) {
          const int due = model.begin()->second;
          ASSERT_EQ(std::count_if(fired.begin(), fired.end(),
                                  [&](const auto& entry) { return entry.second == due; }),
                    1)
              << "timer " << due << " at " << now;
          model.erase(model.begin());
          ++expected;
        }
        ASSERT_EQ(fired.size(), expected);
      }
    }
    ASSERT_EQ(wheel.next_due().has_value(), !model.empty());
    if (!model.empty()) {
      ASSERT_EQ(wheel.next_due(), std::min(model.begin()->first, now + kRoundMs));
    }
  }
}

}  // namespace
}  // namespace progressd

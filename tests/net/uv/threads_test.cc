// The inbox and the work pool: what crosses threads. Run under TSan too.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "net/uv/inbox.h"
#include "net/uv/timer.h"
#include "net/uv/work_pool.h"

namespace progressd {
namespace {

TEST(Inbox, BringsEveryItemToTheLoopThoughItIsShorterThanThePosters) {
  constexpr int kPosters = 4;
  constexpr int kEach = 1'000;
  Loop loop;
  int sum = 0;
  int count = 0;
  auto inbox = std::make_shared<Inbox<int>>(loop, /*items_max=*/8, [&](const auto& items) {
    for (const int item : items) sum += item;
    count += static_cast<int>(items.size());
    if (count == kPosters * kEach) loop.stop();
  });
  std::vector<std::thread> posters;
  for (int p = 0; p < kPosters; ++p) {
    posters.emplace_back([inbox] {
      for (int i = 1; i <= kEach; ++i) EXPECT_TRUE(inbox->post(i));
    });
  }
  loop.run();
  for (std::thread& poster : posters) poster.join();
  EXPECT_EQ(sum, kPosters * kEach * (kEach + 1) / 2);
  inbox->close();
}

TEST(Inbox, TellsAPosterThatWaitsThatTheLoopHasGone) {
  Loop loop;
  auto inbox = std::make_shared<Inbox<int>>(loop, /*items_max=*/1, [](const auto&) {});
  std::atomic<int> refused = 0;
  EXPECT_TRUE(inbox->post(1));
  std::thread poster([inbox, &refused] {
    if (!inbox->post(2)) ++refused;
  });
  inbox->close();
  poster.join();
  EXPECT_EQ(refused, 1);
  EXPECT_FALSE(inbox->post(3));
}

TEST(WorkPool, AdmitsSoManyAtOnceAndRunsThemAll) {
  Loop loop;
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  int submitted = 0;
  int ended = 0;
  std::unique_ptr<WorkPool> pool;
  const auto fill = [&] {
    while (pool->has_room() && submitted < 50) {
      ++submitted;
      pool->submit([&] {
        const int running = ++now;
        int seen = most;
        while (seen < running && !most.compare_exchange_weak(seen, running)) {
        }
        --now;
      });
    }
  };
  pool = std::make_unique<WorkPool>(loop, 2, [&] {
    ++ended;
    fill();
    if (ended == 50) loop.stop();
  });
  fill();
  EXPECT_FALSE(pool->has_room());
  loop.run();
  EXPECT_EQ(ended, 50);
  EXPECT_LE(most, 2);
}

TEST(WorkPool, MayGoWhileItsWorkRuns) {
  Loop loop;
  std::atomic<bool> ran = false;
  {
    WorkPool pool(loop, 2, [] { FAIL() << "nobody is there to be told"; });
    pool.submit([&ran] { ran = true; });
  }
  while (!ran) std::this_thread::yield();
}  // the loop's destructor waits for the after-work callback, and finds nothing left

TEST(Timer, FiresUntilItIsStopped) {
  Loop loop;
  int fired = 0;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, [&] {
    if (++fired == 3) loop.stop();
  });
  timer->start_every(1);
  loop.run();
  EXPECT_EQ(fired, 3);
}

}  // namespace
}  // namespace progressd

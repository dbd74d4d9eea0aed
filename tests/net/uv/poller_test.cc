#include "net/uv/poller.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "net/uv/timer.h"

namespace progressd {
namespace {

TEST(Poller, SocketsThatAlwaysHaveMoreLeaveTimersTheirTurn) {
  constexpr std::size_t kSockets = 300;
  Loop loop;
  std::vector<int> told(kSockets);
  Poller poller(loop, [&](std::uint64_t token, Ready ready) {
    EXPECT_TRUE(ready.readable);
    ++told[token];
  });
  std::vector<int> descriptors;
  for (std::size_t i = 0; i < kSockets; ++i) {
    descriptors.push_back(eventfd(/*initval=*/1, EFD_NONBLOCK));  // readable, as nobody reads it
    ASSERT_TRUE(poller.add_listener(descriptors.back(), i));
  }
  int ticks = 0;
  Timer timer(loop, [&] {
    if (++ticks == 3) loop.stop();
  });
  timer.start_every(1);
  loop.run();
  EXPECT_GT(*std::min_element(told.begin(), told.end()), 0) << "each has its turn too";
  for (const int fd : descriptors) {
    poller.remove(fd);
    close(fd);
  }
}

}  // namespace
}  // namespace progressd

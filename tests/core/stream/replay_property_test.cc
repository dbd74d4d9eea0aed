// Any interleaving of publish, disconnect and resume gives each reader every event once, in order.
#include <gtest/gtest.h>

#include "tests/core/stream/simulated_readers.h"

namespace progressd {
namespace {

using testing::Reader;
using testing::World;

void run(std::uint64_t seed, std::size_t history, int steps) {
  World world(seed, history);
  for (int i = 0; i < 6; ++i) world.create_topic();
  for (int i = 0; i < 25; ++i) world.add_reader();
  for (int i = 0; i < steps; ++i) {
    world.step();
    if (::testing::Test::HasFatalFailure()) return;
  }
  world.settle();
  std::size_t read = 0;
  for (const Reader& reader : world.readers) {
    world.expect_complete(reader);
    if (::testing::Test::HasFatalFailure()) return;
    read += reader.got.size();
  }
  EXPECT_GT(read, 100u);
}

TEST(ReplayProperty, EveryReaderGetsEveryEventOnceInOrder) {
  const std::uint64_t seed = testing::test_seed();
  SCOPED_TRACE(testing::seed_note(seed));
  for (std::uint64_t round = 0; round < 30; ++round) run(seed + round, 100'000, 3'000);
}

TEST(ReplayProperty, AShortHistoryCostsAGapAndNothingElse) {
  const std::uint64_t seed = testing::test_seed();
  SCOPED_TRACE(testing::seed_note(seed));
  for (std::uint64_t round = 0; round < 30; ++round) run(seed + round, 5, 3'000);
}

}  // namespace
}  // namespace progressd

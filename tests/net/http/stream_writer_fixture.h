// A stream writer over sockets that take what a test lets them take.
#pragma once

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "net/http/stream_writer.h"
#include "tests/net/http/fake_io.h"

namespace progressd::testing {

/// Of one topic; one that can be conflated is progress.
inline FrameRef event(std::string_view bytes, Sequence sequence, bool conflatable) {
  return FrameRef({bytes}, {/*topic=*/1, sequence, conflatable, conflatable});
}

class StreamWriterFixture : public ::testing::Test {
 protected:
  void TearDown() override { connections_.close_all(); }  // while there is a writer to be told

  void deliver(const FrameRef& frame, const std::vector<SubscriberId>& to, bool ends = false) {
    writer_.deliver({&frame, 1}, to, ends);
  }
  Connection& at(std::uint32_t slot) { return connections_.at(slot); }

  StreamSettings settings_;
  FakeIo io_;
  ConnectionTable connections_{io_,
                               [this](std::uint32_t slot, Connection&) { writer_.forget(slot); }};
  Deadlines deadlines_{connections_, 1};
  StreamLimits limits_{0, 0};
  StreamWriter writer_{settings_, io_, connections_, deadlines_, limits_};
};

}  // namespace progressd::testing

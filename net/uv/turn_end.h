// Called once per turn of the loop, before it waits: the moment when what was queued is written.
#pragma once

#include <functional>

#include "net/uv/handle.h"
#include "net/uv/loop.h"

namespace progressd {

class TurnEnd {
 public:
  TurnEnd(Loop& loop, std::function<void()> on_turn_end);

 private:
  std::function<void()> on_turn_end_;
  Handle<uv_prepare_t, TurnEnd> handle_;
};

}  // namespace progressd

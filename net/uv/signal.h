// A signal, received on the loop.
#pragma once

#include <functional>

#include "net/uv/handle.h"
#include "net/uv/loop.h"

namespace progressd {

class Signal {
 public:
  Signal(Loop& loop, int number, std::function<void()> on_signal);

 private:
  std::function<void()> on_signal_;
  Handle<uv_signal_t, Signal> handle_;
};

}  // namespace progressd

#include "net/uv/signal.h"

#include <utility>

#include "core/base/ensure.h"

namespace progressd {

Signal::Signal(Loop& loop, int number, std::function<void()> on_signal)
    : on_signal_(std::move(on_signal)), handle_(this) {
  ENSURE(uv_signal_init(loop.get(), handle_.get()) == 0);
  const auto on_signal_cb = [](uv_signal_t* uv, int) noexcept {
    if (Signal* signal = Handle<uv_signal_t, Signal>::owner(uv)) signal->on_signal_();
  };
  ENSURE(uv_signal_start(handle_.get(), on_signal_cb, number) == 0);
}

}  // namespace progressd

#include "net/uv/timer.h"

#include <algorithm>
#include <utility>

#include "core/base/ensure.h"

namespace progressd {

Timer::Timer(Loop& loop, std::function<void()> on_due) : on_due_(std::move(on_due)), handle_(this) {
  ENSURE(uv_timer_init(loop.get(), handle_.get()) == 0);
}

void Timer::start(Millis delay, Millis period) {
  const auto on_due = [](uv_timer_t* uv) noexcept {
    if (Timer* timer = Handle<uv_timer_t, Timer>::owner(uv)) timer->on_due_();
  };
  const int status =
      uv_timer_start(handle_.get(), on_due, static_cast<std::uint64_t>(std::max<Millis>(delay, 0)),
                     static_cast<std::uint64_t>(period));
  ENSURE(status == 0);
}

void Timer::stop() { ENSURE(uv_timer_stop(handle_.get()) == 0); }

}  // namespace progressd

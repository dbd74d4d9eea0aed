#include "net/uv/turn_end.h"

#include <utility>

#include "core/base/ensure.h"

namespace progressd {

TurnEnd::TurnEnd(Loop& loop, std::function<void()> on_turn_end)
    : on_turn_end_(std::move(on_turn_end)), handle_(this) {
  ENSURE(uv_prepare_init(loop.get(), handle_.get()) == 0);
  const auto on_prepare = [](uv_prepare_t* uv) noexcept {
    if (TurnEnd* turn_end = Handle<uv_prepare_t, TurnEnd>::owner(uv)) turn_end->on_turn_end_();
  };
  ENSURE(uv_prepare_start(handle_.get(), on_prepare) == 0);
}

}  // namespace progressd

// Handle<H>: the owner of a timer, async, signal, prepare or poll handle. libuv needs the handle's
// memory until the close callback, a turn after its owner let go, so it lives in a box of its own.
//
//   owner ──► Handle ──► Box { H uv; Owner* owner }  ──(uv_close)──► freed by the loop
//
// A callback that comes after the owner has gone finds a null owner.
#pragma once

#include <uv.h>

#include "core/base/ensure.h"

namespace progressd {

template <class H, class Owner>
class Handle {
 public:
  explicit Handle(Owner* owner) : box_(new Box{{}, owner}) { box_->uv.data = box_; }
  ~Handle() {
    box_->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&box_->uv),
             [](uv_handle_t* handle) noexcept { delete static_cast<Box*>(handle->data); });
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  H* get() { return &box_->uv; }
  /// Whose callback this is; null when it has gone.
  static Owner* owner(const H* uv) { return static_cast<const Box*>(uv->data)->owner; }

 private:
  struct Box {
    H uv;
    Owner* owner;
  };
  Box* box_;
};

}  // namespace progressd

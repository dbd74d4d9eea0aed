#include "net/uv/socket_poll.h"

#include <utility>

#include "core/base/ensure.h"

namespace progressd {

SocketPoll::SocketPoll(Loop& loop, int fd, OnReady on_ready)
    : on_ready_(std::move(on_ready)), handle_(this) {
  ENSURE(uv_poll_init_socket(loop.get(), handle_.get(), fd) == 0);
}

void SocketPoll::want(bool readable, bool writable) {
  const auto on_poll = [](uv_poll_t* uv, int status, int events) noexcept {
    SocketPoll* const poll = Handle<uv_poll_t, SocketPoll>::owner(uv);
    if (poll == nullptr) return;
    const OnReady on_ready = poll->on_ready_;  // ours: the call may destroy its owner's
    // An error is there to be read.
    on_ready(status < 0 || (events & UV_READABLE) != 0, (events & UV_WRITABLE) != 0);
  };
  const int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
  ENSURE(uv_poll_start(handle_.get(), events, on_poll) == 0);
}

}  // namespace progressd

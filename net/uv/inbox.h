// Inbox<T>: the one way from another thread to the loop. A mutex, a vector, a swap, one
// uv_async_send. Items cross by value; nothing of the loop's crosses at all.
//
//   work thread ── post(T) ─► [ items ] ─ uv_async ─► on_items(vector<T>)   loop thread
//
// A poster holds a shared_ptr<Inbox>; the owner on the loop calls close() before it goes, and a
// later post() answers false: the loop has gone, stop working.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/base/ensure.h"
#include "net/uv/handle.h"
#include "net/uv/loop.h"

namespace progressd {

template <class T>
class Inbox {
 public:
  using OnItems = std::function<void(std::vector<T> items)>;

  /// `items_max`: how many wait at most; a poster waits for room, the loop never does.
  Inbox(Loop& loop, std::size_t items_max, OnItems on_items)
      : items_max_(items_max),
        on_items_(std::move(on_items)),
        async_(std::make_unique<Handle<uv_async_t, Inbox>>(this)) {
    const auto on_async = [](uv_async_t* uv) noexcept {
      if (Inbox* inbox = Handle<uv_async_t, Inbox>::owner(uv)) inbox->on_posted();
    };
    ENSURE(uv_async_init(loop.get(), async_->get(), on_async) == 0);
  }

  /// Any thread. False when the inbox is closed.
  bool post(T item) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return closed_ || items_.size() < items_max_; });
    if (closed_) return false;
    items_.push_back(std::move(item));
    // Under the lock, so that close() can't come between.
    if (items_.size() == 1) ENSURE(uv_async_send(async_->get()) == 0);
    return true;
  }

  /// The loop's thread. Items that wait are dropped.
  void close() {
    const std::unique_lock lock(mutex_);
    closed_ = true;
    async_.reset();
    room_.notify_all();
  }

 private:
  void on_posted() {
    std::vector<T> items;
    {
      const std::unique_lock lock(mutex_);
      items.swap(items_);
      room_.notify_all();
    }
    on_items_(std::move(items));
  }

  const std::size_t items_max_;
  const OnItems on_items_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::vector<T> items_;
  bool closed_ = false;
  std::unique_ptr<Handle<uv_async_t, Inbox>> async_;
};

}  // namespace progressd

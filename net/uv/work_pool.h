// The work pool: CPU-bound pieces of work on libuv's threads. At most `at_once_max` are admitted,
// since the pool also serves libuv's own file and DNS calls; who has more to do keeps it queued and
// is told when there is room.
#pragma once

#include <cstddef>
#include <functional>

#include "net/uv/loop.h"

namespace progressd {

class WorkPool {
 public:
  /// `on_room`: called on the loop when a piece has ended.
  WorkPool(Loop& loop, std::size_t at_once_max, std::function<void()> on_room);
  /// Pieces that run end by themselves, while the loop closes; `on_room` is not called any more.
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  std::size_t running() const { return running_; }
  bool has_room() const { return running_ < at_once_max_; }
  /// Shape: has_room(). `work` runs on a work thread, at a lower priority than the loop's, and is
  /// destroyed on the loop.
  void submit(std::function<void()> work);

  /// Before the first use of the pool in the process: how many threads it gets.
  static void size_threads(std::size_t job_threads);

 private:
  struct Piece;

  void on_ended(const Piece& piece);

  Loop& loop_;
  std::size_t at_once_max_;
  std::function<void()> on_room_;
  std::size_t running_ = 0;
  Piece* pieces_ = nullptr;  // that run, so that they learn when the pool has gone
};

}  // namespace progressd

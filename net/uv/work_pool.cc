#include "net/uv/work_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "core/base/ensure.h"

namespace progressd {
namespace {

/// Threads beyond the jobs' own, for libuv's file and DNS calls.
constexpr std::size_t kOtherThreads = 2;
constexpr int kWorkNiceness = 10;

void lower_priority_once() {
  // Linux keeps niceness per thread. Should it be refused, the work only competes more.
  thread_local const int lowered =
      setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kWorkNiceness);
  static_cast<void>(lowered);
}

}  // namespace

struct WorkPool::Piece {
  uv_work_t uv;
  WorkPool* pool;  // null when it has gone
  std::function<void()> work;
  Piece* next;
};

WorkPool::WorkPool(Loop& loop, std::size_t at_once_max, std::function<void()> on_room)
    : loop_(loop), at_once_max_(at_once_max), on_room_(std::move(on_room)) {}

WorkPool::~WorkPool() {
  for (Piece* piece = pieces_; piece != nullptr; piece = piece->next) piece->pool = nullptr;
}

void WorkPool::submit(std::function<void()> work) {
  ENSURE(has_room());
  auto* piece = new Piece{{}, this, std::move(work), pieces_};  // freed in the after-work callback
  piece->uv.data = piece;
  pieces_ = piece;
  ++running_;
  const auto on_work = [](uv_work_t* uv) noexcept {
    lower_priority_once();
    static_cast<Piece*>(uv->data)->work();
  };
  const auto after_work = [](uv_work_t* uv, int) noexcept {
    const std::unique_ptr<Piece> ended(static_cast<Piece*>(uv->data));
    if (ended->pool != nullptr) ended->pool->on_ended(*ended);
  };
  ENSURE(uv_queue_work(loop_.get(), &piece->uv, on_work, after_work) == 0);
}

void WorkPool::on_ended(const Piece& piece) {
  Piece** link = &pieces_;
  while (*link != &piece) link = &(*link)->next;
  *link = piece.next;
  --running_;
  on_room_();
}

void WorkPool::size_threads(std::size_t job_threads) {
  const std::string threads = std::to_string(job_threads + kOtherThreads);
  ENSURE(setenv("UV_THREADPOOL_SIZE", threads.c_str(), 1) == 0);
}

}  // namespace progressd

#include "net/journal/journal_thread.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/ensure.h"
#include "net/log.h"
#include "net/system.h"

namespace progressd {
namespace {

/// Parts of a recovery that wait for the loop; and what else may, without a wait.
constexpr std::size_t kNewsMax = 8;
/// How often a journal that another process has is tried again.
constexpr std::chrono::milliseconds kLockRetryMs{10};
constexpr std::chrono::milliseconds kRetryMinMs{100};
constexpr std::chrono::milliseconds kRetryMaxMs{2'000};

}  // namespace

JournalThread::JournalThread(Loop& loop, SqliteSettings settings,
                             std::function<void(FromThread)> on_news)
    : settings_(std::move(settings)),
      inbox_(std::make_shared<Inbox<FromThread>>(
          loop, kNewsMax,
          [on_news = std::move(on_news)](std::vector<FromThread> all) {
            for (FromThread& news : all) on_news(std::move(news));
          })),
      thread_([this] { run(); }) {}

void JournalThread::hand_over(JournalBatch batch) {
  const std::unique_lock lock(mutex_);
  ENSURE(!slot_);
  slot_ = std::move(batch);
  wake_.notify_one();
}

void JournalThread::close() {
  const std::unique_lock lock(mutex_);
  closes_ = true;
  wake_.notify_one();
}

void JournalThread::finish(JournalBatch last) {
  inbox_->close();  // so that the thread waits for nobody
  std::unique_lock lock(mutex_);
  taken_.wait(lock, [this] { return !slot_; });
  if (!last.empty()) slot_ = std::move(last);
  ends_ = true;
  wake_.notify_one();
}

void JournalThread::run() {
  recover();
  while (!ends()) {
    if (const std::optional<JournalBatch> batch = take()) {
      write(*batch);
    } else if (closes()) {
      close_file();
    } else if (away_) {
      try_to_come_back();
    }
  }
  close_engine();
}

bool JournalThread::ends() {
  const std::unique_lock lock(mutex_);
  return ends_ && !slot_;
}

bool JournalThread::closes() {
  const std::unique_lock lock(mutex_);
  return closes_ && engine_ != nullptr;
}

void JournalThread::close_engine() {
  if (engine_ == nullptr) return;
  if (away_) static_cast<void>(engine_->reopen());
  away_.reset();
  engine_->finish();
  engine_.reset();
}

void JournalThread::close_file() {
  close_engine();
  inbox_->post(Closed{});
}

void JournalThread::recover() {
  Recovered recovered{.result = open_and_read()};
  if (engine_ != nullptr) {
    recovered.epoch = engine_->epoch();
    recovered.last = engine_->last();
    recovered.removed_through = engine_->removed_through();
  }
  inbox_->post(std::move(recovered));
}

Result<std::unique_ptr<SqliteJournal>> JournalThread::open() {
  using std::chrono::steady_clock;
  const auto until = steady_clock::now() + std::chrono::milliseconds(settings_.lock_wait_ms);
  SystemRandom random;
  for (bool waits = false;; waits = true) {
    auto opened = SqliteJournal::open(settings_, random);
    const bool is_taken = !opened && opened.error().code == Errc::kConflict;
    if (is_taken && settings_.lock_wait_ms == 0) {
      return fail(Errc::kConflict, opened.error().detail +
                                       "; with --reuse-port on both this one waits and takes over");
    }
    if (!is_taken || steady_clock::now() >= until) return opened;
    if (!waits) log::info("{}; waiting for its end", opened.error().detail);
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, kLockRetryMs, [this] { return ends_; })) return opened;
  }
}

Result<void> JournalThread::open_and_read() {
  auto opened = open();
  if (!opened) return tl::unexpected(opened.error());
  engine_ = std::move(*opened);
  return engine_->read([this](RecoveredPart part) { return inbox_->post(std::move(part)); })
      .map_error([this](const Error& error) {
        return Error{error.code, fmt::format("the journal {}: {}", settings_.path, error.detail)};
      });
}

std::optional<JournalBatch> JournalThread::take() {
  std::unique_lock lock(mutex_);
  const auto is_woken = [this] { return ends_ || slot_ || (closes_ && engine_ != nullptr); };
  away_ ? void(wake_.wait_for(lock, *away_, is_woken)) : wake_.wait(lock, is_woken);
  taken_.notify_one();
  return std::exchange(slot_, std::nullopt);
}

void JournalThread::write(const JournalBatch& batch) {
  Kept kept{.first = fail(Errc::kUnavailable, kJournalAway),
            .changes = batch.changes,
            .block_bytes = batch.block.size(),
            .had_state = batch.has_state()};
  if (!away_) {
    const auto began = std::chrono::steady_clock::now();
    const Result<Sequence> first = engine_->append(batch);
    kept.took = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - began);
    if (first) {
      kept.first = *first;
    } else {
      log::error("the journal {} can't be written: {}", settings_.path, first.error().detail);
      away_ = kRetryMinMs;
    }
  }
  inbox_->post(std::move(kept));
  if (!away_) engine_->tidy();
}

void JournalThread::try_to_come_back() {
  const Result<void> done = engine_->reopen();
  if (!done) {
    log::debug("the journal {} still can't be written: {}", settings_.path, done.error().detail);
    away_ = std::min(*away_ * 2, kRetryMaxMs);
    return;
  }
  log::info("the journal {} can be written again", settings_.path);
  away_.reset();
  inbox_->post(Back{});
}

}  // namespace progressd

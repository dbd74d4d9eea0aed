#include "load_run.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

namespace sseload {
namespace {

constexpr Nanoseconds kStepEvery = 20 * kMillisecond;
constexpr Nanoseconds kActivityEvery = 50 * kMillisecond;
constexpr Nanoseconds kQuiet = 250 * kMillisecond;
constexpr std::size_t kReadyMax = 1024;

}  // namespace

LoadRun::LoadRun(const Options& options)
    : options_(options),
      tally_(options.checks),
      checks_(options.checks, tally_),
      streams_(options.streams, checks_, epoll_, tally_),
      publisher_(options.publish, epoll_),
      progress_line_(options.is_quiet) {}

LoadRun::~LoadRun() {
  if (signal_fd_ >= 0) close(signal_fd_);
}

bool LoadRun::watch_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) return false;
  signal_fd_ = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
  return signal_fd_ >= 0 && epoll_.add(signal_fd_, EPOLLIN, SocketKind::kSignal, 0);
}

CostMark LoadRun::cost_mark() const {
  CostMark mark;
  mark.streams = streams_.open();
  if (!options_.pids.empty()) {
    mark.server = sample_processes(options_.pids);
    mark.kernel = sample_kernel_memory();
  }
  mark.own = sample_own_time();
  return mark;
}

bool LoadRun::run() {
  if (!epoll_.is_open() || !watch_signals()) return false;
  costs_.before = cost_mark();
  const Nanoseconds now = now_ns();
  open_deadline_ns_ = now + options_.open_ns_max;
  open_next_part(now);
  while (phase_ != Phase::kDone) turn();
  count_short_streams();
  costs_.end = cost_mark();
  progress_line_.clear();
  return true;
}

void LoadRun::turn() {
  Nanoseconds now = now_ns();
  if (now >= next_step_ns_ || phase_ == Phase::kOpening) {
    next_step_ns_ = now + kStepEvery;
    step(now);
    progress_line_.show(now, streams_, tally_, publisher_.tally());
  }
  streams_.advance(now);
  publisher_.advance(now, tally_.events);
  const Nanoseconds due =
      std::min({next_step_ns_, streams_.next_due_ns(now), publisher_.next_due_ns(now)});
  now = now_ns();
  std::array<epoll_event, kReadyMax> room;
  const auto ready = epoll_.wait(room, due - now);
  now = now_ns();
  for (const epoll_event& event : ready) {
    switch (Epoll::kind_of(event)) {
      case SocketKind::kStream:
        streams_.on_ready(Epoll::number_of(event), event.events, now);
        break;
      case SocketKind::kPublish:
        publisher_.on_ready(Epoll::number_of(event), event.events, now);
        break;
      case SocketKind::kSignal:
        costs_.is_interrupted = true;
        phase_ = Phase::kDone;
        break;
    }
  }
}

void LoadRun::step(Nanoseconds now) {
  if (now >= measure_due_ns_) {
    measure_due_ns_ = kNever;
    costs_.measured_from = cost_mark();
    costs_.own_active = costs_.measured_from.own;
    tally_.begin_measuring(now_ns());
  }
  if (now >= stuck_wake_due_ns_) {
    stuck_wake_due_ns_ = kNever;
    streams_.wake_stuck(now);
  }
  take_activity_sample(now);
  switch (phase_) {
    case Phase::kOpening:
      return step_opening(now);
    case Phase::kMarkPause:
      return now >= phase_end_ns_ ? on_mark() : void();
    case Phase::kHolding:
      return step_holding(now);
    case Phase::kSettling:
      return step_settling(now);
    case Phase::kDone:
      return;
  }
}

void LoadRun::open_next_part(Nanoseconds now) {
  const auto& marks = options_.memory_marks;
  const std::uint64_t limit =
      next_mark_ < marks.size() ? marks[next_mark_] : options_.streams.connections;
  phase_ = Phase::kOpening;
  part_from_ = sample_own_time();
  streams_.open_up_to(static_cast<std::uint32_t>(limit), now);
}

void LoadRun::step_opening(Nanoseconds now) {
  if (now >= open_deadline_ns_) {
    costs_.is_opening_late = streams_.is_opening();
    streams_.stop_opening();
    next_mark_ = options_.memory_marks.size();
  }
  if (streams_.is_opening()) return;
  const OwnTime own = sample_own_time();
  costs_.opening_ns += own.at_ns - part_from_.at_ns;
  costs_.own_opening_cpu_ns += own.cpu_ns - part_from_.cpu_ns;
  // The server's CPU is counted up to here; its memory once it has come to rest.
  phase_ = Phase::kMarkPause;
  phase_end_ns_ = options_.pids.empty() ? now : now + options_.mark_pause_ns;
}

void LoadRun::on_mark() {
  costs_.memory_marks.push_back(cost_mark());
  if (next_mark_ < options_.memory_marks.size()) {
    ++next_mark_;
    return open_next_part(now_ns());
  }
  begin_holding(now_ns());
}

void LoadRun::begin_holding(Nanoseconds now) {
  phase_ = Phase::kHolding;
  phase_end_ns_ = now + options_.hold_ns;
  measure_due_ns_ = now + options_.warmup_ns;
  if (options_.streams.stuck_for_ns != kNever) {
    stuck_wake_due_ns_ = now + options_.streams.stuck_for_ns;
  }
  if (options_.warmup_ns == 0) step(now);  // measuring begins before the first event is published
  // Target t is read by the streams whose number is t modulo the targets.
  const std::uint64_t readers = streams_.open() - streams_.stuck();
  publisher_.start(now_ns(), std::max<std::uint64_t>(readers / options_.publish.targets, 1),
                   tally_.events);
}

/// Where the active part of the run ended is known only afterwards, so the cost of the latest
/// moment with activity is kept: waiting for stragglers must not look like idleness under load.
void LoadRun::take_activity_sample(Nanoseconds now) {
  if (!tally_.is_measuring || now < activity_due_ns_) return;
  activity_due_ns_ = now + kActivityEvery;
  const std::uint64_t activity = tally_.events + publisher_.tally().answered;
  if (activity == activity_seen_) return;
  activity_seen_ = activity;
  costs_.own_active = sample_own_time();
  costs_.server_active = sample_cpu(options_.pids);
}

bool LoadRun::is_quiet(Nanoseconds now) const {
  return now - std::max(tally_.last_event_ns, publisher_.tally().last_answer_ns) >= kQuiet;
}

void LoadRun::step_holding(Nanoseconds now) {
  const bool is_over = now >= phase_end_ns_;
  const bool is_all_ended =
      options_.streams.connections > 0 && streams_.ended() == options_.streams.connections;
  if (options_.publish.is_on) {
    const bool has_told = publisher_.has_issued_all() && publisher_.is_answered();
    if (!is_over && !has_told && !is_all_ended && !publisher_.is_cut_off(now)) return;
    publisher_.stop();
    phase_ = Phase::kSettling;
    phase_end_ns_ = now + options_.settle_ns_max;
    return;
  }
  const bool has_all = options_.checks.expects_events() && has_all_events() && is_quiet(now);
  if (is_over || is_all_ended || has_all) phase_ = Phase::kDone;
}

void LoadRun::step_settling(Nanoseconds now) {
  const bool waits_for_stuck = stuck_wake_due_ns_ != kNever;
  const bool is_settled = publisher_.is_answered() && has_all_events() && is_quiet(now);
  if (now >= phase_end_ns_ || (is_settled && !waits_for_stuck)) phase_ = Phase::kDone;
}

std::uint64_t LoadRun::expected_of(std::uint32_t number) const {
  if (streams_.is_stuck_by_plan(number)) return 0;
  if (options_.checks.expects_published) return publisher_.told(number % options_.publish.targets);
  return options_.checks.expected_events.value_or(0);
}

/// Asked again and again, and only once nothing more is published: who has all keeps all, so the
/// next look begins at the stream that ended this one.
bool LoadRun::has_all_events() {
  if (!options_.checks.expects_events()) return true;
  const auto& all = streams_.all();
  for (; complete_below_ < all.size(); ++complete_below_) {
    const Stream& stream = all[complete_below_];
    if (stream.was_open && stream.events < expected_of(complete_below_)) return false;
  }
  return true;
}

void LoadRun::count_short_streams() {
  if (!options_.checks.expects_events()) return;
  const auto& all = streams_.all();
  EventFaults& faults = tally_.faults;
  for (std::uint32_t number = 0; number < all.size(); ++number) {
    const std::uint64_t expected = expected_of(number);
    const std::uint64_t events = all[number].events;
    if (streams_.is_stuck_by_plan(number) || !all[number].was_open || events == expected) continue;
    if (events > expected) {
      faults.surplus_events += events - expected;
    } else {
      ++faults.short_streams;
      faults.short_events += expected - events;
    }
    tally_.note("stream " + std::to_string(number) + ": " + std::to_string(events) +
                " events, expected " + std::to_string(expected));
  }
}

}  // namespace sseload

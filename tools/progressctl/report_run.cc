#include "tools/progressctl/report_run.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "core/jobs/job.h"
#include "tools/progressctl/child.h"
#include "tools/progressctl/event_stream.h"
#include "tools/progressctl/exit_status.h"
#include "tools/progressctl/job_view.h"
#include "tools/progressctl/line_splitter.h"
#include "tools/progressctl/signals.h"
#include "tools/progressctl/terminal_text.h"

namespace progressd::ctl {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
/// More than a pipe holds.
constexpr int kDrainReadsMax = 32;
/// What a command that was asked to end has left.
constexpr Millis kKillAfterMs = 10'000;

/// All of it, or as much as its reader takes.
bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

class ReportRun {
 public:
  ReportRun(Transfers& transfers, const Settings& settings, const std::string& job_id,
            ReportInput input, const ReportPlan& plan)
      : transfers_(transfers),
        settings_(settings),
        job_id_(job_id),
        target_("/v1/jobs/" + job_id),
        plan_(plan),
        input_(std::move(input)),
        reporter_(transfers, settings, target_, plan.interval_ms),
        stream_(transfers, settings, target_ + "/events") {}

  Result<int> run() {
    // Now, as a signal from here on ends the job and not only this program.
    fmt::print(stderr, "progressctl: reporting on job {}\n", printable(job_id_));
    // Its reader may leave; the job goes on.
    std::signal(SIGPIPE, SIG_IGN);
    make_first_report();
    if (reporter_.was_forbidden()) return give_up();
    source_ = STDIN_FILENO;
    if (!plan_.command.empty() && !interrupted_by_) {
      Result<Child> child = Child::start(plan_.command, plan_.with_stderr, signals_.before());
      if (!child) {
        end(child.error().detail);
        finish();
        return tl::unexpected(child.error());
      }
      child_.emplace(std::move(*child));
      source_ = child_->output();
    }
    while (!is_input_over()) turn();
    end(failure());
    finish();
    return outcome();
  }

 private:
  /// It makes the job active. Its answer is waited for: nothing is started that can't be reported
  /// on.
  void make_first_report() {
    reporter_.report(input_.progress());
    reporter_.advance();
    while (reporter_.is_waiting_for_answer() && !interrupted_by_) {
      std::array watched{Watched{signals_.fd()}};
      transfers_.wait(reporter_.due_in_ms(), watched);
      take_signals();
      reporter_.advance();
    }
  }

  tl::unexpected<Error> give_up() {
    // Nobody would ever end it.
    if (plan_.made_job) {
      static_cast<void>(
          call(transfers_, settings_, {.method = "POST", .target = target_ + "/cancel"}));
    }
    const bool is_scope = reporter_.trouble().find("jobs:report") != std::string::npos;
    return fail(Errc::kUnavailable,
                is_scope ? "this token lacks the scope jobs:report" : reporter_.trouble());
  }

  bool is_input_over() const {
    if (interrupted_by_ && !child_) return true;
    if (over_elsewhere_ && !child_) return true;
    return child_ ? ending_.has_value() : source_ < 0;
  }

  void turn() {
    std::array watched{Watched{signals_.fd()}, Watched{source_}};
    transfers_.wait(wait_ms(), watched);
    take_signals();
    if (watched[1].is_ready) read_input();
    if (child_ && !ending_) {
      ending_ = child_->ending();
      if (ending_) drain();
    }
    follow_up();
    if (kill_at_ && now_ms() >= *kill_at_ && !ending_) child_->send(SIGKILL);
  }

  Millis wait_ms() const {
    Millis ms = std::min(reporter_.due_in_ms(), stream_.due_in_ms());
    if (kill_at_) ms = std::min(ms, std::max(*kill_at_ - now_ms(), Millis{1}));
    return ms;
  }

  /// Sends what is due, and sees whether somebody else ended the job.
  void follow_up() {
    reporter_.advance();
    if (reporter_.was_told_over() && !over_elsewhere_ && !asked_) {
      asked_ = true;
      JobView job;
      const Result<Answer> answer = call(transfers_, settings_, {.target = target_});
      if (answer && update(job, reader_, answer->body) && is_terminal(job.state)) {
        on_over(job.state);
      }
    }
    stream_.advance();  // last, as it may be told things while an answer is waited for
    while (const std::optional<StreamEvent> event = stream_.take()) {
      JobView job;
      const bool is_read = event->name != "gap" && update(job, reader_, event->data).has_value();
      if (is_read && is_terminal(job.state)) on_over(job.state);
    }
  }

  void on_over(State state) {
    if (over_elsewhere_ || reporter_.is_ending()) return;
    over_elsewhere_ = state;
    fmt::print(stderr, "progressctl: the job is {}\n", state_name(state));
    if (child_ && state == State::kCancelled) {
      child_->send(SIGTERM);
      kill_at_ = now_ms() + kKillAfterMs;
    }
  }

  void read_input() {
    std::array<char, kReadBytes> room;
    const ssize_t count = read(source_, room.data(), room.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    const auto take = [this](std::string_view line) { input_.take(line); };
    if (count <= 0) {
      splitter_.finish(take);
      source_ = -1;
    } else {
      const std::string_view bytes(room.data(), static_cast<std::size_t>(count));
      if (plan_.tees && tee_is_open_) tee_is_open_ = write_all(STDOUT_FILENO, bytes);
      splitter_.feed(bytes, take);
    }
    if (input_.failure()) end(input_.failure());
    reporter_.report(input_.progress());
  }

  /// What an ended command has left in the pipe; others may hold that open for as long as they
  /// like.
  void drain() {
    pollfd left{source_, POLLIN, 0};
    for (int reads = 0; reads < kDrainReadsMax && source_ >= 0; ++reads) {
      if (poll(&left, 1, 0) <= 0) return;
      read_input();
    }
  }

  void take_signals() {
    while (const std::optional<int> signal = signals_.take()) {
      if (!asks_to_end(*signal)) continue;
      interrupted_by_ = signal;
      const bool has_it = *signal == SIGINT && child_ && child_->shares_terminal();
      if (child_ && !has_it) child_->send(*signal);
    }
  }

  std::optional<std::string> failure() const {
    if (ending_ && !ending_->reason.empty()) return ending_->reason;
    if (interrupted_by_ && !child_) {
      return fmt::format("ended by signal {} ({})", *interrupted_by_, strsignal(*interrupted_by_));
    }
    return std::nullopt;
  }

  void end(const std::optional<std::string>& reason) {
    if (over_elsewhere_) return;
    reporter_.end(reason ? input_.progress() : input_.completed(),
                  reason ? std::optional(message_of(*reason)) : std::nullopt);
  }

  /// Until the end of the job has arrived. A second signal does not wait for it.
  void finish() {
    if (interrupted_by_ && !child_) signal_status_ = kExitSignal + *interrupted_by_;
    interrupted_by_.reset();
    while (!over_elsewhere_ && !reporter_.is_over() && !interrupted_by_) {
      std::array watched{Watched{signals_.fd()}};
      transfers_.wait(reporter_.due_in_ms(), watched);
      interrupted_by_ = signals_.take();
      if (interrupted_by_ && !asks_to_end(*interrupted_by_)) interrupted_by_.reset();
      reporter_.advance();
    }
  }

  Result<int> outcome() const {
    if (over_elsewhere_ == State::kCancelled) return kExitCancelled;
    if (ending_ && ending_->exit_status != 0) return ending_->exit_status;
    if (signal_status_ != 0) return signal_status_;
    if (over_elsewhere_) return exit_status_of(*over_elsewhere_);
    // That the end came twice means that it came.
    const bool is_delivered = reporter_.trouble().empty() || reporter_.was_told_over();
    if (!is_delivered) {
      return fail(Errc::kUnavailable, "the job's end was not reported: " + reporter_.trouble());
    }
    return input_.failure() ? kExitFailed : kExitOk;
  }

  Transfers& transfers_;
  const Settings& settings_;
  const std::string job_id_;
  const std::string target_;
  const ReportPlan& plan_;
  Signals signals_;
  ReportInput input_;
  Reporter reporter_;
  EventStream stream_;
  LineSplitter splitter_{kMessageBytesMax};
  JsonReader reader_;
  std::optional<Child> child_;
  std::optional<Ending> ending_;  // the command's
  int source_ = -1;               // what is read; negative: it came to its end
  bool tee_is_open_ = true;
  std::optional<int> interrupted_by_;
  int signal_status_ = 0;
  std::optional<State> over_elsewhere_;  // somebody else ended the job
  bool asked_ = false;                   // which end that was
  std::optional<Millis> kill_at_;
};

}  // namespace

Result<int> run_report(Transfers& transfers, const Settings& settings, const std::string& job_id,
                       ReportInput input, const ReportPlan& plan) {
  return ReportRun(transfers, settings, job_id, std::move(input), plan).run();
}

}  // namespace progressd::ctl

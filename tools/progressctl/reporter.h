// Tells the server how a job is doing, at a bounded rate: one report is under way at a time, the
// next one goes an interval later, and says what is newest then. What could not be delivered is
// tried again with back-off, newer by then; so a server may be away for a while.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "tools/progressctl/http.h"

namespace progressd::ctl {

/// How long the end of a job is tried to be delivered.
inline constexpr Millis kEndDeliveryMsMax = 60'000;

struct Progress {
  std::int64_t done = 0;
  std::int64_t total = 100;
  std::string message;  // UTF-8, at most kMessageBytesMax bytes; empty: none
};

class Reporter {
 public:
  Reporter(Transfers& transfers, const Settings& settings, std::string target, Millis interval_ms)
      : transfers_(transfers),
        settings_(settings),
        target_(std::move(target)),
        interval_ms_(interval_ms) {}

  void report(const Progress& progress);
  /// The last report. `failed_reason`: none when the job completed.
  void end(const Progress& progress, const std::optional<std::string>& failed_reason);

  /// Takes the answer, and sends what is due; once per turn.
  void advance();
  /// How long a wait may last until advance() has something to do.
  Millis due_in_ms() const;

  bool is_ending() const { return is_ending_; }
  /// Nothing more will be sent: the end was delivered, or can't be.
  bool is_over() const { return is_over_; }
  /// The server says that the job is over or gone.
  bool was_told_over() const { return was_told_over_; }
  /// The server says that this token may not report on the job.
  bool was_forbidden() const { return was_forbidden_; }
  /// A report was sent, and its answer is not there yet.
  bool is_waiting_for_answer() const { return transfer_ != nullptr; }
  /// Why the reports don't arrive; empty when they do.
  const std::string& trouble() const { return trouble_; }

 private:
  void on_answer(const Result<Answer>& answer);
  void retry(const Result<Answer>& answer);

  Transfers& transfers_;
  const Settings& settings_;
  const std::string target_;
  const Millis interval_ms_;
  std::optional<std::string> next_;  // the body of the next report
  std::string under_way_;            // that of the one under way
  std::unique_ptr<Transfer> transfer_;
  bool is_ending_ = false;
  bool is_over_ = false;
  bool was_told_over_ = false;
  bool was_forbidden_ = false;
  std::string trouble_;
  int failures_ = 0;
  Millis due_at_ = 0;
  Millis end_due_at_ = 0;
};

}  // namespace progressd::ctl

#include "tools/progressctl/reporter.h"

#include <algorithm>
#include <utility>

#include "core/base/json_write.h"
#include "tools/progressctl/event_stream.h"

namespace progressd::ctl {
namespace {

constexpr long kForbidden = 403;
constexpr long kNotFound = 404;
constexpr long kConflict = 409;
constexpr long kTooMany = 429;
constexpr long kServerError = 500;
constexpr int kDoublingsMax = 5;

std::string report_json(const Progress& progress, std::string_view state,
                        const std::optional<std::string>& failed_reason) {
  JsonWriter out;
  out.begin_object();
  out.field("state", state);
  out.field("total", progress.total);
  out.field("done", progress.done);
  if (!progress.message.empty()) out.field("message", progress.message);
  if (failed_reason) out.field("failedReason", *failed_reason);
  out.end_object();
  return std::string(out.view());
}

}  // namespace

void Reporter::report(const Progress& progress) {
  if (!is_ending_ && !is_over_) next_ = report_json(progress, "active", std::nullopt);
}

void Reporter::end(const Progress& progress, const std::optional<std::string>& failed_reason) {
  if (is_ending_ || is_over_) return;
  is_ending_ = true;
  end_due_at_ = now_ms() + kEndDeliveryMsMax;
  next_ = report_json(progress, failed_reason ? "failed" : "completed", failed_reason);
  if (failures_ == 0) due_at_ = 0;  // the end waits for no interval
}

Millis Reporter::due_in_ms() const {
  if (is_over_ || transfer_ != nullptr || !next_) return kAnswerMsMax;
  return std::max(due_at_ - now_ms(), Millis{0});
}

void Reporter::advance() {
  if (transfer_ != nullptr && transfer_->is_over()) {
    const Result<Answer> answer = transfer_->answer();
    transfer_.reset();
    on_answer(answer);
  }
  if (is_over_ || transfer_ != nullptr || !next_ || now_ms() < due_at_) return;
  under_way_ = *std::exchange(next_, std::nullopt);
  due_at_ = now_ms() + interval_ms_;
  transfer_ =
      std::make_unique<Transfer>(transfers_, settings_, json_request("PATCH", target_, under_way_));
}

void Reporter::on_answer(const Result<Answer>& answer) {
  const long status = answer ? answer->status : 0;
  if (status == 0 || status == kTooMany || status >= kServerError) return retry(answer);
  if (status >= 200 && status < 300) {
    failures_ = 0;
    trouble_.clear();
    is_over_ = is_ending_ && !next_;
    return;
  }
  was_told_over_ = status == kConflict || status == kNotFound;
  was_forbidden_ = status == kForbidden;
  trouble_ = refusal(*answer).detail;
  is_over_ = true;
}

void Reporter::retry(const Result<Answer>& answer) {
  trouble_ = answer ? refusal(*answer).detail : answer.error().detail;
  if (is_ending_ && now_ms() >= end_due_at_) {
    is_over_ = true;
    return;
  }
  if (!next_) next_ = std::move(under_way_);
  const Millis ms = std::min(kBackOffMsMin << std::min(failures_++, kDoublingsMax), kBackOffMsMax);
  due_at_ = now_ms() + std::max(ms, answer ? answer->retry_after_ms.value_or(0) : 0);
}

}  // namespace progressd::ctl

#include "tools/progressctl/event_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace progressd::ctl {
namespace {

constexpr long kOk = 200;
constexpr long kNoContent = 204;
constexpr long kTooMany = 429;
constexpr long kServerError = 500;
constexpr int kDoublingsMax = 6;

}  // namespace

Millis now_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

EventStream::EventStream(Transfers& transfers, const Settings& settings, std::string target)
    : transfers_(transfers), settings_(settings), target_(std::move(target)) {
  connect();
}

void EventStream::connect() {
  Request request{.target = target_, .header_lines = {"Accept: text/event-stream"}};
  request.is_stream = true;
  if (!last_event_id_.empty()) request.header_lines.push_back("Last-Event-ID: " + last_event_id_);
  state_ = State::kConnecting;
  heard_at_ = now_ms();
  unread_.clear();
  reader_state_ = {};
  transfer_ = std::make_unique<Transfer>(transfers_, settings_, request);
}

Millis EventStream::due_in_ms() const {
  if (state_ == State::kEnded || state_ == State::kRefused) return kSilenceMsMax;
  const Millis due_at = state_ == State::kWaiting ? due_at_ : heard_at_ + kSilenceMsMax;
  return std::max(due_at - now_ms(), Millis{0});
}

void EventStream::advance() {
  if (state_ == State::kWaiting && now_ms() >= due_at_) connect();
  if (transfer_ == nullptr) return;
  if (transfer_->status() == kOk) {
    if (state_ == State::kConnecting) {
      state_ = State::kOpen;
      was_open_ = true;
      failures_ = 0;
      trouble_.clear();
    }
    read(transfer_->take_bytes());
  }
  if (transfer_ != nullptr && transfer_->is_over()) return on_over();
  if (transfer_ != nullptr && now_ms() - heard_at_ >= kSilenceMsMax) {
    wait_for(next_back_off(), "nothing was heard for a minute");
  }
}

void EventStream::read(std::string_view bytes) {
  if (bytes.empty()) return;
  heard_at_ = now_ms();
  unread_ += bytes;
  reader_.begin(reader_state_, unread_);
  sseload::SseEvent event;
  while (reader_.next(event)) {
    // An id without data counts too: it says where to resume.
    if (event.id) last_event_id_ = *event.id;
    if (!event.is_dispatched) continue;
    const std::string_view name = event.name.empty() ? "message" : event.name;
    events_.push_back(
        {std::string(name), std::string(event.id.value_or("")), std::string(event.data)});
  }
  if (const auto retry_ms = reader_.take_retry()) {
    base_ms_ = std::clamp<Millis>(*retry_ms, kBackOffMsMin, kBackOffMsMax);
  }
  unread_.erase(0, reader_.consumed());
  if (unread_.size() > kEventBytesMax) {
    transfer_.reset();
    state_ = State::kRefused;
    trouble_ = fmt::format("an event of more than {} bytes", kEventBytesMax);
  }
}

void EventStream::on_over() {
  const Result<Answer> answer = transfer_->answer();
  if (!answer) {
    if (was_open_) return wait_for(next_back_off(), answer.error().detail);
    state_ = State::kRefused;
    trouble_ = answer.error().detail;
  } else if (answer->status == kOk) {
    return wait_for(next_back_off(), "the server ended the stream");
  } else if (answer->status == kNoContent) {
    state_ = State::kEnded;
  } else if (answer->status == kTooMany || answer->status >= kServerError) {
    const Millis ms = answer->retry_after_ms.value_or(0);
    return wait_for(std::max(next_back_off(), std::min(ms, kSilenceMsMax)),
                    refusal(*answer).detail);
  } else {
    state_ = State::kRefused;
    trouble_ = refusal(*answer).detail;
  }
  transfer_.reset();
}

Millis EventStream::next_back_off() {
  const Millis ms = std::min(base_ms_ << std::min(failures_, kDoublingsMax), kBackOffMsMax);
  ++failures_;
  // Half of it at random: those who were cut off together do not come back together.
  return ms / 2 + std::uniform_int_distribution<Millis>(0, ms / 2)(jitter_);
}

void EventStream::wait_for(Millis ms, std::string why) {
  transfer_.reset();
  trouble_ = std::move(why);
  due_at_ = now_ms() + ms;
  state_ = State::kWaiting;
}

std::optional<StreamEvent> EventStream::take() {
  if (events_.empty()) return std::nullopt;
  StreamEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace progressd::ctl

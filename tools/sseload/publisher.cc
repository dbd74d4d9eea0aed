#include "publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace sseload {
namespace {

constexpr Nanoseconds kWindowPatience = 250 * kMillisecond;
constexpr Nanoseconds kCutOffPatience = 5 * kSecond;

}  // namespace

Publisher::Publisher(const PublishOptions& options, const Epoll& epoll)
    : options_(options), accepted_(options.accepted_field) {
  if (!options.is_on) return;
  const std::uint64_t lanes = options.connections;
  // Of the events that are no full round, the first targets get one each.
  const std::uint64_t rounds = options.count / options.targets;
  const std::uint64_t rest = options.count % options.targets;
  const auto share = [lanes](std::uint64_t total, std::uint64_t c) {
    return total > c ? (total - c + lanes - 1) / lanes : 0;
  };
  for (std::uint32_t c = 0; c < lanes; ++c) {
    Lane& lane = lanes_.emplace_back(options.url, epoll, c);
    lane.targets = share(options.targets, c);
    lane.quota = options.count == 0 ? UINT64_MAX : rounds * lane.targets + share(rest, c);
  }
}

void Publisher::start(Nanoseconds now, std::uint64_t readers, std::uint64_t received_so_far) {
  if (!options_.is_on) return;
  started_ns_ = now;
  is_issuing_ = true;
  readers_ = readers;
  window_base_received_ = window_received_ = received_so_far;
  window_progress_ns_ = now;
  for (Lane& lane : lanes_) lane.connection.ensure_open(now);
}

std::uint64_t Publisher::told(std::uint64_t target) const {
  const std::uint64_t lanes = lanes_.size();
  const Lane& lane = lanes_[target % lanes];
  const std::uint64_t position = target / lanes;
  return (lane.issued + lane.targets - 1 - position) / lane.targets;
}

bool Publisher::is_answered() const {
  return std::all_of(lanes_.begin(), lanes_.end(),
                     [](const Lane& lane) { return lane.connection.in_flight() == 0; });
}

bool Publisher::is_cut_off(Nanoseconds now) const {
  if (!is_started()) return false;
  if (now - std::max(started_ns_, tally_.last_answer_ns) < kCutOffPatience) return false;
  return std::none_of(lanes_.begin(), lanes_.end(),
                      [](const Lane& lane) { return lane.connection.is_connected(); });
}

std::uint64_t Publisher::lost() const {
  std::uint64_t lost = 0;
  for (const Lane& lane : lanes_) lost += lane.connection.lost_lines();
  return lost;
}

std::uint64_t Publisher::failures() const {
  std::uint64_t failures = 0;
  for (const Lane& lane : lanes_) failures += lane.connection.failures();
  return failures;
}

std::string Publisher::last_failure() const {
  for (const Lane& lane : lanes_) {
    if (!lane.connection.last_failure().empty()) return lane.connection.last_failure();
  }
  return {};
}

/// Readers are at most options_.window events behind. Where events never come (merged, or lost),
/// the wait ends after a while and is counted, so that a run always ends.
bool Publisher::has_window(Nanoseconds now, std::uint64_t received) {
  if (options_.window == 0 || readers_ == 0) return true;
  if (received > window_received_) {
    window_received_ = received;
    window_progress_ns_ = now;
  }
  const std::uint64_t issued = tally_.issued - window_base_issued_;
  const std::uint64_t arrived = (received - window_base_received_) / readers_;
  if (issued < arrived + options_.window) return true;
  if (now - window_progress_ns_ < kWindowPatience) return false;
  ++tally_.window_stalls;
  window_base_issued_ = tally_.issued;
  window_base_received_ = received;
  window_progress_ns_ = now;
  return true;
}

bool Publisher::can_issue(const Lane& lane) const {
  return lane.issued < lane.quota && lane.connection.is_connected() &&
         lane.connection.in_flight() < options_.pipeline;
}

std::uint64_t Publisher::due_by_rate(Nanoseconds now) const {
  const double due = std::floor(to_seconds(now - started_ns_) * options_.per_second) + 1;
  const auto events = static_cast<std::uint64_t>(due);
  return options_.count > 0 ? std::min(events, options_.count) : events;
}

void Publisher::issue(std::size_t number, std::uint64_t lines_max, Nanoseconds now) {
  Lane& lane = lanes_[number];
  const std::uint64_t lines =
      std::min({static_cast<std::uint64_t>(options_.lines), lane.quota - lane.issued, lines_max});
  const auto target_of = [&](std::uint64_t m) {
    return number + lanes_.size() * (m % lane.targets);
  };
  TemplateValues values{.i = target_of(lane.issued),
                        .seq = tally_.issued + 1,
                        .iseq = lane.issued / lane.targets + 1,
                        .stamp_ns = now};
  request_.assign(options_.method).append(" ");
  options_.path.append_to(request_, values);
  body_.clear();
  for (std::uint64_t line = 0; line < lines; ++line) {
    values.i = target_of(lane.issued);
    values.iseq = lane.issued / lane.targets + 1;
    values.seq = tally_.issued + 1;
    if (options_.per_second > 0) {
      const double due_s = static_cast<double>(tally_.issued) / options_.per_second;
      const Nanoseconds due = started_ns_ + static_cast<Nanoseconds>(due_s * 1e9);
      tally_.lag.record(now - due);
      if (options_.stamps_due_time) values.stamp_ns = due;
    }
    options_.body.append_to(body_, values);
    if (options_.lines > 1) body_.push_back('\n');
    ++lane.issued;
    ++tally_.issued;
  }
  request_.append(" HTTP/1.1\r\nHost: ").append(options_.url.host).append("\r\n");
  for (const TextTemplate& header : options_.headers) {
    header.append_to(request_, values);
    request_.append("\r\n");
  }
  if (!options_.body.empty()) {
    fmt::format_to(std::back_inserter(request_), "Content-Type: {}\r\nContent-Length: {}\r\n",
                   options_.content_type, body_.size());
  } else if (options_.method != "GET") {
    request_.append("Content-Length: 0\r\n");
  }
  request_.append("\r\n").append(body_);
  ++tally_.requests;
  lane.connection.push(request_, static_cast<std::uint32_t>(lines), now);
}

void Publisher::issue_at_rate(Nanoseconds now, std::uint64_t received) {
  const std::uint64_t due = due_by_rate(now);
  std::size_t passed = 0;  // lanes in a row that could not
  while (tally_.issued < due && passed < lanes_.size() && has_window(now, received)) {
    const std::uint64_t owed = due - tally_.issued;
    const bool is_rest = options_.count > 0 && due == options_.count;
    if (owed < options_.lines && !is_rest) return;  // a request is sent when all of it is due
    turn_ = (turn_ + 1) % lanes_.size();
    if (!can_issue(lanes_[turn_])) {
      ++passed;
      continue;
    }
    passed = 0;
    issue(turn_, owed, now);
  }
}

void Publisher::issue_freely(Nanoseconds now, std::uint64_t received) {
  std::size_t passed = 0;
  while (passed < lanes_.size()) {
    turn_ = (turn_ + 1) % lanes_.size();
    if (!can_issue(lanes_[turn_])) {
      ++passed;
      continue;
    }
    if (!has_window(now, received)) return;
    passed = 0;
    issue(turn_, options_.window > 0 ? options_.window : UINT64_MAX, now);
  }
}

void Publisher::advance(Nanoseconds now, std::uint64_t received) {
  if (!is_started()) return;
  for (Lane& lane : lanes_) lane.connection.ensure_open(now);
  if (is_issuing_) {
    if (options_.per_second > 0) {
      issue_at_rate(now, received);
    } else {
      issue_freely(now, received);
    }
  }
  for (Lane& lane : lanes_) lane.connection.flush(now);
}

Nanoseconds Publisher::next_due_ns(Nanoseconds now) const {
  Nanoseconds due = kNever;
  if (!is_started()) return due;
  for (const Lane& lane : lanes_) due = std::min(due, lane.connection.retry_due_ns());
  if (!is_issuing_ || has_issued_all() || options_.per_second <= 0) return due;
  const bool some_can = std::any_of(lanes_.begin(), lanes_.end(),
                                    [this](const Lane& lane) { return can_issue(lane); });
  if (!some_can) return due;  // an answer comes first
  const std::uint64_t wanted = tally_.issued + options_.lines - 1;
  const double due_s = static_cast<double>(wanted) / options_.per_second;
  const auto wait = static_cast<Nanoseconds>(std::ceil(due_s * 1e9));
  // A closed window leaves what is due waiting for readers, not for the clock.
  const Nanoseconds next = started_ns_ + wait;
  return std::min(due, next > now || options_.window == 0 ? next : kNever);
}

void Publisher::on_ready(std::uint32_t number, std::uint32_t ready, Nanoseconds now) {
  lanes_[number].connection.on_ready(
      ready, now, [this, now](const PublishAnswer& answer) { on_answer(answer, now); });
}

void Publisher::on_answer(const PublishAnswer& answer, Nanoseconds now) {
  ++tally_.statuses[answer.status];
  tally_.last_answer_ns = now;
  tally_.answer_time.record(now - answer.issued_ns);
  const bool is_good = answer.status >= 200 && answer.status < 300;
  std::uint64_t accepted = is_good ? answer.lines : 0;
  if (is_good && accepted_.is_set()) {
    const auto told = accepted_.find(answer.body_start);
    accepted =
        std::clamp<std::uint64_t>(static_cast<std::uint64_t>(told.value_or(0)), 0, answer.lines);
  }
  tally_.answered += accepted;
  tally_.refused += answer.lines - accepted;
  if (accepted < answer.lines && tally_.first_refusal.empty()) {
    tally_.first_refusal = fmt::format("{} {}", answer.status, answer.body_start.substr(0, 200));
  }
}

}  // namespace sseload

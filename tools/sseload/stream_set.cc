#include "stream_set.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "stream_socket.h"

namespace sseload {
namespace {

constexpr std::uint32_t kReading = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t kOpensPerTurn = 64;
constexpr std::uint32_t kRetryMsDefault = 3000;

}  // namespace

std::uint32_t StreamSet::due_by_ramp(Nanoseconds now) const {
  if (options_.ramp_per_second <= 0) return open_limit_;
  const double due = to_seconds(now - ramp_from_ns_) * options_.ramp_per_second;
  const double total = std::min<double>(ramp_base_ + due + 1, open_limit_);
  return static_cast<std::uint32_t>(total);
}

void StreamSet::open_up_to(std::uint32_t limit, Nanoseconds now) {
  open_limit_ = limit;
  ramp_base_ = attempted_;
  ramp_from_ns_ = now;
}

void StreamSet::stop_opening() {
  open_limit_ = attempted_;
  for (std::uint32_t number = 0; number < attempted_ && in_flight_ > 0; ++number) {
    const StreamState state = streams_[number].state;
    if (state != StreamState::kConnecting && state != StreamState::kHead) continue;
    on_end(number, End::kFailed, "not open in time", kNever);
  }
}

void StreamSet::advance(Nanoseconds now) {
  std::vector<std::uint32_t> unfinished;
  unfinished.swap(unfinished_);
  for (const std::uint32_t number : unfinished) {
    if (streams_[number].state == StreamState::kOpen) read(number, true, now);
  }
  give_up_late(now);
  const std::uint32_t due = due_by_ramp(now);
  for (std::uint32_t opened = 0; opened < kOpensPerTurn; ++opened) {
    if (attempted_ >= due || in_flight_ >= options_.in_flight_max) break;
    begin(attempted_++, now);
  }
  while (!comebacks_.empty() && comebacks_.top().due_ns <= now &&
         in_flight_ < options_.in_flight_max) {
    const std::uint32_t number = comebacks_.top().number;
    comebacks_.pop();
    begin(number, now);
  }
}

Nanoseconds StreamSet::next_due_ns(Nanoseconds now) const {
  if (!unfinished_.empty()) return now;
  Nanoseconds due = kNever;
  if (in_flight_ < options_.in_flight_max) {
    if (!comebacks_.empty()) due = comebacks_.top().due_ns;
    if (attempted_ < due_by_ramp(now)) return now;
    if (attempted_ < open_limit_) {
      const double wait = (attempted_ - ramp_base_) / options_.ramp_per_second;
      due = std::min(due, ramp_from_ns_ + static_cast<Nanoseconds>(std::ceil(wait * 1e9)));
    }
  }
  return due;
}

void StreamSet::begin(std::uint32_t number, Nanoseconds now) {
  Stream& stream = streams_[number];
  stream.state = StreamState::kConnecting;
  stream.since_ns = now;
  stream.has_pace = false;
  ++in_flight_;
  attempts_.push_back({number, now});
  std::optional<std::uint32_t> source;
  const auto& sources = options_.source_addresses;
  if (!sources.empty()) source = sources[number % sources.size()];
  stream.fd =
      open_socket(options_.url, source, options_.receive_buffer_bytes, options_.segment_bytes);
  if (stream.fd < 0) return on_end(number, End::kFailed, std::strerror(errno), now);
  // On loopback the handshake is over before connect returns, so the request can mostly go at once.
  write_request(number);
  const SendOutcome outcome = send_request(stream.fd, request_);
  if (outcome == SendOutcome::kFailed)
    return on_end(number, End::kFailed, std::strerror(errno), now);
  const bool is_sent = outcome == SendOutcome::kSent;
  if (is_sent) stream.state = StreamState::kHead;
  const std::uint32_t interest = is_sent ? kReading : kReading | EPOLLOUT;
  if (!epoll_.add(stream.fd, interest, SocketKind::kStream, number)) {
    on_end(number, End::kFailed, std::strerror(errno), now);
  }
}

void StreamSet::write_request(std::uint32_t number) {
  const TemplateValues values{.i = number};
  request_ = "GET ";
  options_.path.append_to(request_, values);
  request_ += " HTTP/1.1\r\nHost: ";
  request_ += options_.url.host;
  request_ += "\r\nAccept: text/event-stream\r\nCache-Control: no-store\r\n";
  if (options_.compressed) request_ += "Accept-Encoding: gzip\r\n";
  for (const TextTemplate& header : options_.headers) {
    header.append_to(request_, values);
    request_ += "\r\n";
  }
  if (options_.reconnects && !last_ids_[number].empty()) {
    request_ += "Last-Event-ID: " + last_ids_[number] + "\r\n";
  }
  request_ += "\r\n";
}

void StreamSet::on_writable(std::uint32_t number, Nanoseconds now) {
  Stream& stream = streams_[number];
  int code = 0;
  socklen_t length = sizeof code;
  if (getsockopt(stream.fd, SOL_SOCKET, SO_ERROR, &code, &length) != 0) code = errno;
  if (code != 0) return on_end(number, End::kFailed, std::strerror(code), now);
  write_request(number);
  switch (send_request(stream.fd, request_)) {
    case SendOutcome::kNotYet:
      return;
    case SendOutcome::kFailed:
      return on_end(number, End::kFailed, std::strerror(errno), now);
    case SendOutcome::kSent:
      break;
  }
  stream.state = StreamState::kHead;
  if (!epoll_.modify(stream.fd, kReading, SocketKind::kStream, number)) {
    on_end(number, End::kFailed, std::strerror(errno), now);
  }
}

void StreamSet::give_up_late(Nanoseconds now) {
  while (!attempts_.empty()) {
    const Attempt attempt = attempts_.front();
    const Stream& stream = streams_[attempt.number];
    const bool is_waiting =
        (stream.state == StreamState::kConnecting || stream.state == StreamState::kHead) &&
        stream.since_ns == attempt.began_ns;
    if (is_waiting && now - attempt.began_ns < options_.connect_timeout_ns) return;
    attempts_.pop_front();
    if (!is_waiting) continue;
    const bool is_connected = stream.state == StreamState::kHead;
    on_end(attempt.number, End::kFailed,
           is_connected ? "no response head in time" : "no connection in time", now);
  }
}

void StreamSet::on_ready(std::uint32_t number, std::uint32_t ready, Nanoseconds now) {
  constexpr std::uint32_t kHangUp = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  switch (streams_[number].state) {
    case StreamState::kConnecting:
      return on_writable(number, now);
    case StreamState::kHead:
    case StreamState::kOpen:
      return read(number, (ready & kHangUp) != 0, now);
    case StreamState::kStuck:
      if ((ready & kHangUp) != 0) on_end(number, End::kCut, "closed while stuck", now);
      return;
    case StreamState::kIdle:
    case StreamState::kEnded:
      return;
  }
}

void StreamSet::become_stuck(std::uint32_t number) {
  Stream& stream = streams_[number];
  stream.state = StreamState::kStuck;
  stream.was_stuck = true;
  ++stuck_;
  epoll_.modify(stream.fd, EPOLLRDHUP | EPOLLET, SocketKind::kStream, number);
}

void StreamSet::wake_stuck(Nanoseconds now) {
  stuck_wake_ = true;
  for (std::uint32_t number = 0; number < streams_.size() && stuck_ > 0; ++number) {
    Stream& stream = streams_[number];
    if (stream.state != StreamState::kStuck) continue;
    stream.state = StreamState::kOpen;
    --stuck_;
    if (!epoll_.modify(stream.fd, kReading, SocketKind::kStream, number)) {
      on_end(number, End::kCut, std::strerror(errno), now);
    }
  }
}

void StreamSet::leave(Stream& stream) {
  if (stream.state == StreamState::kConnecting || stream.state == StreamState::kHead) --in_flight_;
  if (stream.state == StreamState::kOpen || stream.state == StreamState::kStuck) --open_;
  if (stream.state == StreamState::kStuck) --stuck_;
  if (stream.fd >= 0) close(stream.fd);
  stream.fd = -1;
  stream.carry.reset();
  stream.carry_bytes = 0;
  stream.sse = SseState{};
}

void StreamSet::on_end(std::uint32_t number, End end, const std::string& reason, Nanoseconds now) {
  Stream& stream = streams_[number];
  StreamFates& fates = tally_.fates;
  const bool is_stuck = stream.state == StreamState::kStuck;
  // After a head, what is carried is part of an event; it will never be whole.
  if (stream.state == StreamState::kOpen && stream.carry_bytes > 0) ++tally_.faults.cut;
  const bool had_carry = stream.carry_bytes > 0;
  leave(stream);
  const bool may_end = end == End::kClean && (stream.saw_terminal || options_.allows_end);
  if (may_end) {
    ++fates.finished;
  } else if (is_stuck) {
    ++fates.stuck_ended;
  } else if (options_.reconnects && stream.was_open && now != kNever) {
    if (had_carry && tally_.faults.cut > 0) --tally_.faults.cut;  // the resumed stream repeats it
    return come_back_later(number, now);
  } else {
    ++(stream.was_open ? fates.dropped : fates.failed);
    ++fates.reasons[reason];
  }
  stream.state = StreamState::kEnded;
  ++ended_;
}

void StreamSet::come_back_later(std::uint32_t number, Nanoseconds now) {
  ++tally_.fates.reconnects;
  streams_[number].state = StreamState::kIdle;
  const Nanoseconds delay = options_.reconnect_delay_ns > 0
                                ? options_.reconnect_delay_ns
                                : static_cast<Nanoseconds>(retry_ms_[number]) * kMillisecond;
  comebacks_.push({now + delay, number});
}

StreamSet::StreamSet(const StreamOptions& options, EventChecks& checks, const Epoll& epoll,
                     Tally& tally)
    : options_(options),
      checks_(checks),
      epoll_(epoll),
      tally_(tally),
      streams_(options.connections) {
  if (options.compressed) inflaters_.resize(options.connections);
  if (!options.reconnects) return;
  last_ids_.resize(options.connections);
  retry_ms_.assign(options.connections, kRetryMsDefault);
}

StreamSet::~StreamSet() {
  for (Stream& stream : streams_) {
    if (stream.fd >= 0) close_with_reset(stream.fd);
  }
}

}  // namespace sseload

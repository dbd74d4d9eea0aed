#include "publish_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "stream_socket.h"

namespace sseload {
namespace {

constexpr std::uint32_t kInterest = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr Nanoseconds kRetryPause = 100 * kMillisecond;
constexpr std::size_t kBodyStartBytesMax = 512;
constexpr std::size_t kCompactFromBytes = 256 * 1024;

}  // namespace

PublishConnection::PublishConnection(const TargetUrl& url, const Epoll& epoll, std::uint32_t number)
    : url_(url), epoll_(epoll), number_(number) {}

PublishConnection::~PublishConnection() {
  if (fd_ >= 0) close_with_reset(fd_);
}

void PublishConnection::ensure_open(Nanoseconds now) {
  if (state_ != State::kClosed || now < retry_due_ns_) return;
  fd_ = open_socket(url_, std::nullopt, 0);
  if (fd_ < 0) return fail(std::strerror(errno), now);
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  state_ = State::kConnecting;
  if (!epoll_.add(fd_, kInterest, SocketKind::kPublish, number_)) fail(std::strerror(errno), now);
}

void PublishConnection::push(std::string_view request, std::uint32_t lines, Nanoseconds now) {
  if (answered_ >= kCompactFromBytes && answered_ >= outgoing_.size() / 2) {
    outgoing_.erase(0, answered_);
    sent_ -= answered_;
    answered_ = 0;
  }
  outgoing_.append(request);
  requests_.push_back({request.size(), lines, now});
}

void PublishConnection::flush(Nanoseconds now) {
  while (state_ == State::kOpen && sent_ < outgoing_.size()) {
    const ssize_t sent =
        send(fd_, outgoing_.data() + sent_, outgoing_.size() - sent_, MSG_NOSIGNAL);
    if (sent > 0) {
      sent_ += static_cast<std::size_t>(sent);
    } else {
      if (errno == EAGAIN) return;  // EPOLLOUT tells when to go on
      return fail(std::strerror(errno), now);
    }
  }
}

void PublishConnection::on_ready(std::uint32_t ready, Nanoseconds now, const OnAnswer& on_answer) {
  if (state_ == State::kConnecting) {
    if ((ready & (EPOLLERR | EPOLLHUP)) != 0) return fail("connection refused or reset", now);
    if ((ready & EPOLLOUT) != 0) state_ = State::kOpen;
  }
  std::array<char, 64 * 1024> room;
  while (state_ == State::kOpen && (ready & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) {
    const ssize_t got = recv(fd_, room.data(), room.size(), 0);
    if (got < 0 && errno == EAGAIN) break;
    if (got < 0) return fail(std::strerror(errno), now);
    if (got == 0) {
      if (!requests_.empty()) return fail("closed by the server", now);
      // An idle connection may be closed at any time. The pause keeps two from chasing each other.
      close_socket();
      retry_due_ns_ = now + kRetryPause;
      return;
    }
    received_.append(room.data(), static_cast<std::size_t>(got));
    take_answers(now, on_answer);
  }
  flush(now);
}

void PublishConnection::take_answers(Nanoseconds now, const OnAnswer& on_answer) {
  std::size_t at = 0;
  bool closes = false;
  while (at < received_.size() && !closes) {
    if (!is_in_body_) {
      const HeadState outcome = parse_response_head(std::string_view(received_).substr(at), head_);
      if (outcome == HeadState::kIncomplete) break;
      if (outcome == HeadState::kBad || requests_.empty()) return fail("not an HTTP response", now);
      at += head_.bytes;
      if (head_.status < 200) continue;
      is_in_body_ = true;
      body_start_.clear();
    }
    char* const wire = received_.data() + at;
    const Decoded decoded = decode_body(head_.body, wire, received_.size() - at, wire);
    body_start_.append(wire, std::min(decoded.body_bytes, kBodyStartBytesMax - body_start_.size()));
    at += decoded.wire_bytes;
    if (head_.body.is_bad()) return fail("bad chunk framing", now);
    if (!head_.body.is_done()) break;
    on_answered(on_answer);
    closes = head_.closes;
  }
  if (closes) return restart(now);
  received_.erase(0, at);
}

void PublishConnection::on_answered(const OnAnswer& on_answer) {
  is_in_body_ = false;
  const Request request = requests_.front();
  requests_.pop_front();
  answered_ += request.bytes;
  if (requests_.empty()) {  // nothing unsent either: a request is counted until answered
    outgoing_.clear();
    answered_ = sent_ = 0;
  }
  on_answer({head_.status, body_start_, request.lines, request.issued_ns});
}

void PublishConnection::close_socket() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  state_ = State::kClosed;
  received_.clear();
  is_in_body_ = false;
}

void PublishConnection::restart(Nanoseconds now) {
  close_socket();
  sent_ = answered_;
  retry_due_ns_ = now;
  ensure_open(now);
}

void PublishConnection::fail(std::string reason, Nanoseconds now) {
  close_socket();
  // Whether the server did what it was sent is unknown, so sending it again could double an event.
  // What never left goes out later.
  std::size_t at = answered_;
  while (!requests_.empty() && at < sent_) {
    at += requests_.front().bytes;
    lost_lines_ += requests_.front().lines;
    requests_.pop_front();
  }
  outgoing_.erase(0, std::min(at, outgoing_.size()));
  answered_ = sent_ = 0;
  ++failures_;
  last_failure_ = std::move(reason);
  retry_due_ns_ = now + kRetryPause;
}

}  // namespace sseload

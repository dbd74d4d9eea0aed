// Why: one keep-alive connection that carries publish requests, pipelined, and reads the answers.
//      Owned by Publisher. Requests stay in the buffer until answered: where the server says
//      "Connection: close", those behind it were not processed, and go out again on a new one.
//
//        outgoing_   | answered | sent, no answer yet | to be sent |
//                   0      answered_               sent_
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "clock.h"
#include "epoll.h"
#include "response_head.h"
#include "target_url.h"

namespace sseload {

/// What an answer says; views last for the call only.
struct PublishAnswer {
  int status = 0;
  std::string_view body_start;  ///< at most 512 bytes
  std::uint32_t lines = 0;      ///< events in the request
  Nanoseconds issued_ns = 0;
};

class PublishConnection {
 public:
  using OnAnswer = std::function<void(const PublishAnswer&)>;

  PublishConnection(const TargetUrl& url, const Epoll& epoll, std::uint32_t number);
  ~PublishConnection();
  PublishConnection(const PublishConnection&) = delete;
  PublishConnection& operator=(const PublishConnection&) = delete;

  /// Connects where there is no connection and the pause after a failure is over.
  void ensure_open(Nanoseconds now);
  /// `request` goes out with the next flush().
  void push(std::string_view request, std::uint32_t lines, Nanoseconds now);
  void flush(Nanoseconds now);
  /// Calls `on_answer` for each whole answer that has come.
  void on_ready(std::uint32_t ready, Nanoseconds now, const OnAnswer& on_answer);

  bool is_connected() const { return state_ == State::kOpen; }
  std::size_t in_flight() const { return requests_.size(); }
  Nanoseconds retry_due_ns() const { return state_ == State::kClosed ? retry_due_ns_ : kNever; }

  /// Events whose answer never came, and how often the connection failed; counted up.
  std::uint64_t lost_lines() const { return lost_lines_; }
  std::uint64_t failures() const { return failures_; }
  const std::string& last_failure() const { return last_failure_; }

 private:
  enum class State : std::uint8_t { kClosed, kConnecting, kOpen };
  struct Request {
    std::size_t bytes;
    std::uint32_t lines;
    Nanoseconds issued_ns;
  };

  void take_answers(Nanoseconds now, const OnAnswer& on_answer);
  void on_answered(const OnAnswer& on_answer);
  void close_socket();
  /// The peer ends the connection in good order: what is unanswered goes again.
  void restart(Nanoseconds now);
  void fail(std::string reason, Nanoseconds now);

  const TargetUrl& url_;
  const Epoll& epoll_;
  const std::uint32_t number_;
  int fd_ = -1;
  State state_ = State::kClosed;
  std::string outgoing_;
  std::size_t answered_ = 0;
  std::size_t sent_ = 0;
  std::deque<Request> requests_;

  std::string received_;
  ResponseHead head_;
  bool is_in_body_ = false;
  std::string body_start_;

  Nanoseconds retry_due_ns_ = 0;
  std::uint64_t lost_lines_ = 0;
  std::uint64_t failures_ = 0;
  std::string last_failure_;
};

}  // namespace sseload

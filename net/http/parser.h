// Parses requests out of a connection's bytes: llhttp for the grammar, LineRules before it for what
// it forgives, the limits on top.
//
// Most clients send the same header fields with each request of a connection, which take longer to
// look at than all the rest of a report. So of a request with a body the bytes of its fields are
// kept, with what llhttp knew behind them; where the next request has the same ones, byte for byte,
// they are not read again:
//
//   request line │ fields, as before │ body
//     └ parsed     └ compared          └ parsed
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "net/http/line_rules.h"
#include "net/http/request.h"

namespace progressd {

struct HttpLimits {
  std::size_t header_bytes_max = 16 * 1024;  // request line, fields and trailers, with line ends
  std::size_t headers_max = 100;
  std::size_t url_bytes_max = 8 * 1024;
  std::size_t body_bytes_max = 1024 * 1024;
  std::size_t bodies_bytes_max = 256 * 1024 * 1024;   // of all connections' that are under way
  std::size_t answers_bytes_max = 256 * 1024 * 1024;  // of all that wait for their readers
};

class RequestParser {
 public:
  /// Asked when the head of a request that has a body is whole, however its bytes are split. False:
  /// the request was answered, nothing more of it is looked at, and it ends as kFailed.
  using OnHead = std::function<bool()>;

  /// Fields that take more are read each time.
  static constexpr std::size_t kKnownFieldsBytesMax = 2 * 1024;
  /// ` HTTP/1.1` and the end of the line.
  static constexpr std::size_t kVersionBytes = 11;

  explicit RequestParser(const HttpLimits& limits, OnHead on_head = nullptr);
  ~RequestParser() { give_room_back(); }
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// From here on its bodies count among these bytes, which several parsers share.
  void count_bodies(std::shared_ptr<std::size_t> bytes) { bodies_bytes_ = std::move(bytes); }

  enum class Stage { kIdle, kHead, kBody, kComplete, kFailed };

  /// Takes bytes up to the end of one request. Returns how many; the rest belongs to the next one.
  /// Then see stage().
  std::size_t feed(std::string_view bytes);
  Stage stage() const { return stage_; }

  /// kComplete: the request. next() readies the parser for the one that follows.
  Request& request() { return request_; }
  void next();
  /// As new, for another connection; the memory stays.
  void reset();

  bool is_head() const { return llhttp_.method == HTTP_HEAD; }
  /// kFailed: what to answer.
  int error_status() const { return error_status_; }
  const std::string& error_detail() const { return error_detail_; }

  /// True once, when the client waits for a 100 before it sends the body.
  bool take_continue() { return std::exchange(continue_wanted_, false); }

 private:
  static const llhttp_settings_t& settings();
  int on_url(std::string_view part);
  int on_field(std::string_view part);
  int on_value(std::string_view part);
  int on_header_end();
  int on_headers_end();
  /// The head is whole and its fields are right. Not 0: the request is refused.
  int begin_body();
  int on_chunk_size();
  int on_body(std::string_view part);
  int on_message_end();
  int refuse(int status, std::string detail);
  /// Makes room for so much of a body. False where those of all connections leave none.
  bool take_room(std::size_t bytes);
  void give_room_back();
  int check_transfer_encoding();
  /// The first bytes of a request: takes its head where that has the fields of the one before.
  /// Returns how many bytes it took.
  std::size_t begin(std::string_view bytes);
  /// `head`: of the request that is being read.
  void remember_fields(std::string_view head);
  void forget_fields();
  /// Hands llhttp what next_piece() gave, or what the rules let through.
  void take(std::string_view piece);
  /// Those of `bytes` that llhttp reads next; none when a rule is broken.
  std::string_view next_piece(std::string_view bytes);
  bool is_chunked() const { return (llhttp_.flags & F_CHUNKED) != 0; }

  /// The fields of the request before, which `request_` still holds.
  struct KnownFields {
    std::string bytes;     // with the empty line; empty: none are known
    std::string line_end;  // of the request line before them: ` HTTP/1.1`, with its end of line
    llhttp_t behind;       // llhttp's whole state, which is the request line's and theirs
  };

  const HttpLimits& limits_;
  llhttp_t llhttp_;
  KnownFields known_;
  Stage stage_ = Stage::kIdle;
  Request request_;
  LineRules lines_;
  const OnHead on_head_;
  std::shared_ptr<std::size_t> bodies_bytes_;  // null: they are not counted
  std::size_t room_bytes_ = 0;                 // that this one has of them
  std::uint64_t chunk_left_ = 0;               // bytes of a chunk's data
  bool continue_wanted_ = false;
  int error_status_ = 0;
  std::string error_detail_;
};

}  // namespace progressd

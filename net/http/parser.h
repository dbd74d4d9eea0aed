// Parses requests out of a connection's bytes: llhttp for the grammar, the limits on top.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "net/http/request.h"

namespace progressd {

struct HttpLimits {
  std::size_t header_bytes_max = 16 * 1024;  // names, values and the request line
  std::size_t headers_max = 100;
  std::size_t url_bytes_max = 8 * 1024;
  std::size_t body_bytes_max = 1024 * 1024;
};

class RequestParser {
 public:
  explicit RequestParser(const HttpLimits& limits);
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

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
  int on_body(std::string_view part);
  int on_message_end();
  int refuse(int status, std::string detail);
  int count_head(std::size_t bytes);

  const HttpLimits& limits_;
  llhttp_t llhttp_;
  Stage stage_ = Stage::kIdle;
  Request request_;
  const char* value_goes_on_ = nullptr;  // where the next part of the value must begin
  char last_byte_ = 0;                   // of the bytes before those at hand
  std::size_t head_bytes_ = 0;
  bool continue_wanted_ = false;
  int error_status_ = 0;
  std::string error_detail_;
};

}  // namespace progressd

// Requests to the server, over libcurl, which has its home here. One thread: wait() is the only
// place where the program waits, for answers and for whatever else it is told to look at.
#pragma once

#include <curl/curl.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "tools/progressctl/settings.h"

namespace progressd::ctl {

inline constexpr Millis kConnectMsMax = 10'000;
inline constexpr Millis kAnswerMsMax = 30'000;
inline constexpr std::size_t kAnswerBytesMax = 256 * 1024 * 1024;

struct Request {
  std::string method = "GET";
  std::string target;  // with the query
  std::string body = {};
  std::vector<std::string> header_lines = {};
  bool is_stream = false;  // its answer may take for ever
};

struct Answer {
  long status = 0;
  std::string body;
  std::optional<Millis> retry_after_ms;
};

/// A descriptor that is looked at beside the requests.
struct Watched {
  int fd;  // negative: none
  bool is_ready = false;
};

class Transfers {
 public:
  Transfers();
  /// Every Transfer was destroyed before.
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  /// Until something came, one of `watched` can be read, or this time is over.
  void wait(Millis ms_max, std::span<Watched> watched = {});

 private:
  friend class Transfer;
  CURLM* multi_;
};

/// One request under way, and its answer.
class Transfer {
 public:
  Transfer(Transfers& transfers, const Settings& settings, const Request& request);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  bool is_over() const { return is_over_; }
  /// 0: not known yet.
  long status() const;
  /// What came of the body and was not taken yet.
  std::string take_bytes();
  /// When it is over. Errors: kUnavailable, when there was no whole answer.
  Result<Answer> answer();

 private:
  friend class Transfers;
  bool on_body(std::string_view part);

  Transfers& transfers_;
  const std::string url_;
  std::string request_body_;
  CURL* easy_;
  curl_slist* header_lines_ = nullptr;
  std::string body_;
  bool is_over_ = false;
  CURLcode code_ = CURLE_OK;
};

/// Sends a request and waits for its answer.
/// Errors: kUnavailable, when no server answers, or not with 2xx: then with what it says.
Result<Answer> call(Transfers& transfers, const Settings& settings, const Request& request);

/// What an answer other than 2xx says, for people: its status, and the detail of its problem+json.
Error refusal(const Answer& answer);

/// An answer's body as one line of JSON. Errors: kUnavailable, when it is none.
Result<std::string> json_line(const Answer& answer);

/// `text` as a part of a URL.
std::string url_encoded(std::string_view text);

/// A request with a JSON body.
Request json_request(std::string method, std::string target, std::string_view body);

/// The request that creates a job. It belongs to the trace that the environment names, as
/// TRACEPARENT, if that is one.
Request creation_request(std::string_view body);

}  // namespace progressd::ctl

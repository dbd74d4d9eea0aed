// Fetches URLs with libcurl's multi interface, driven by the loop: nothing here waits. Only URLs
// that the operator configured are ever fetched.
//
// Thread: the loop's; names are looked up on a thread of libcurl's own.
#pragma once

#include <curl/curl.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "net/uv/loop.h"
#include "net/uv/socket_poll.h"
#include "net/uv/timer.h"

namespace progressd {

/// A whole exchange takes at most so long, and a body at most so many bytes.
inline constexpr Millis kFetchMsMax = 2'000;
inline constexpr std::size_t kFetchedBytesMax = 64 * 1024;

class Fetch;

class Fetcher {
 public:
  explicit Fetcher(Loop& loop);
  /// Every Fetch was destroyed before.
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

 private:
  friend class Fetch;

  int on_socket(curl_socket_t fd, int wanted);
  int on_timer(long delay_ms);
  void act(curl_socket_t fd, int events);
  void take_finished();

  Loop& loop_;
  Timer timer_;
  std::map<curl_socket_t, std::unique_ptr<SocketPoll>> sockets_;
  CURLM* multi_;
};

/// One URL, fetched again and again, over a connection that is kept while its server keeps it.
class Fetch {
 public:
  Fetch(Fetcher& fetcher, const std::string& url);
  ~Fetch();
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;

  /// The body of a 200. Errors: kUnavailable for everything else, a redirect included.
  using Done = std::function<void(Result<std::string> body)>;
  /// Not while one is under way. `done` comes on a later turn.
  void start(Done done);

 private:
  friend class Fetcher;
  bool on_body(std::string_view part);
  void on_finished(CURLcode code);
  Result<std::string> outcome(CURLcode code);

  Fetcher& fetcher_;
  CURL* easy_;
  bool under_way_ = false;
  std::string body_;
  bool too_large_ = false;
  Done done_;
};

}  // namespace progressd

#include "net/watch/fetcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/ensure.h"

namespace progressd {
namespace {

constexpr long kOk = 200;
constexpr long kFirstRedirect = 300;
constexpr long kFirstClientError = 400;

/// An option that libcurl knows is always taken.
template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  ENSURE(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

template <class Value>
void set(CURLM* multi, CURLMoption option, Value value) {
  ENSURE(curl_multi_setopt(multi, option, value) == CURLM_OK);
}

}  // namespace

Fetcher::Fetcher(Loop& loop)
    : loop_(loop),
      timer_(loop, [this] { act(CURL_SOCKET_TIMEOUT, 0); }),
      multi_(curl_multi_init()) {
  ENSURE(multi_ != nullptr);
  const curl_socket_callback socket_changed = [](CURL*, curl_socket_t fd, int wanted, void* self,
                                                 void*) noexcept {
    return static_cast<Fetcher*>(self)->on_socket(fd, wanted);
  };
  const curl_multi_timer_callback timer_changed = [](CURLM*, long delay_ms, void* self) noexcept {
    return static_cast<Fetcher*>(self)->on_timer(delay_ms);
  };
  set(multi_, CURLMOPT_SOCKETFUNCTION, socket_changed);
  set(multi_, CURLMOPT_SOCKETDATA, this);
  set(multi_, CURLMOPT_TIMERFUNCTION, timer_changed);
  set(multi_, CURLMOPT_TIMERDATA, this);
}

Fetcher::~Fetcher() { ENSURE(curl_multi_cleanup(multi_) == CURLM_OK); }

int Fetcher::on_socket(curl_socket_t fd, int wanted) {
  if (wanted == CURL_POLL_REMOVE) {
    sockets_.erase(fd);
    return 0;
  }
  std::unique_ptr<SocketPoll>& poll = sockets_[fd];
  if (poll == nullptr) {
    poll = std::make_unique<SocketPoll>(loop_, fd, [this, fd](bool readable, bool writable) {
      act(fd, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
    });
  }
  poll->want((wanted & CURL_POLL_IN) != 0, (wanted & CURL_POLL_OUT) != 0);
  return 0;
}

int Fetcher::on_timer(long delay_ms) {
  // libcurl must not be called from within its own callback: at once is a millisecond from now.
  delay_ms < 0 ? timer_.stop() : timer_.start_in(std::max(delay_ms, 1L));
  return 0;
}

void Fetcher::act(curl_socket_t fd, int events) {
  int running = 0;
  ENSURE(curl_multi_socket_action(multi_, fd, events, &running) == CURLM_OK);
  take_finished();
}

void Fetcher::take_finished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    Fetch* fetch = nullptr;
    ENSURE(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch) == CURLE_OK);
    fetch->on_finished(code);
  }
}

Fetch::Fetch(Fetcher& fetcher, const std::string& url)
    : fetcher_(fetcher), easy_(curl_easy_init()) {
  ENSURE(easy_ != nullptr);
  const curl_write_callback take_body = [](char* bytes, std::size_t, std::size_t count,
                                           void* self) noexcept {
    return static_cast<Fetch*>(self)->on_body({bytes, count}) ? count : 0;
  };
  set(easy_, CURLOPT_URL, url.c_str());
  set(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy_, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy_, CURLOPT_NOPROXY, "*");  // whatever the environment says
  set(easy_, CURLOPT_NOSIGNAL, 1L);
  set(easy_, CURLOPT_QUICK_EXIT, 1L);  // else a look-up that takes too long is waited for
  set(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(kFetchMsMax));
  set(easy_, CURLOPT_USERAGENT, "progressd");
  set(easy_, CURLOPT_WRITEFUNCTION, take_body);
  set(easy_, CURLOPT_WRITEDATA, this);
  set(easy_, CURLOPT_PRIVATE, this);
}

Fetch::~Fetch() {
  if (under_way_) ENSURE(curl_multi_remove_handle(fetcher_.multi_, easy_) == CURLM_OK);
  curl_easy_cleanup(easy_);
}

void Fetch::start(Done done) {
  ENSURE(!under_way_);
  under_way_ = true;
  done_ = std::move(done);
  body_.clear();
  too_large_ = false;
  ENSURE(curl_multi_add_handle(fetcher_.multi_, easy_) == CURLM_OK);
}

bool Fetch::on_body(std::string_view part) {
  too_large_ = body_.size() + part.size() > kFetchedBytesMax;
  if (!too_large_) body_.append(part);
  return !too_large_;
}

void Fetch::on_finished(CURLcode code) {
  ENSURE(curl_multi_remove_handle(fetcher_.multi_, easy_) == CURLM_OK);
  under_way_ = false;
  const Done done = std::exchange(done_, {});
  done(outcome(code));
}

Result<std::string> Fetch::outcome(CURLcode code) {
  const auto refuse = [](std::string why) { return fail(Errc::kUnavailable, std::move(why)); };
  if (too_large_) return refuse(fmt::format("the body takes more than {} bytes", kFetchedBytesMax));
  if (code != CURLE_OK) return refuse(curl_easy_strerror(code));
  long status = 0;
  ENSURE(curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK);
  if (status >= kFirstRedirect && status < kFirstClientError) {
    return refuse(fmt::format("status {}: redirects are not followed", status));
  }
  if (status != kOk) return refuse(fmt::format("status {}", status));
  return std::move(body_);
}

}  // namespace progressd

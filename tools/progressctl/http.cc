#include "tools/progressctl/http.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "core/base/ensure.h"
#include "core/base/json_read.h"
#include "core/jobs/traceparent.h"

namespace progressd::ctl {
namespace {

constexpr std::size_t kDetailBytesMax = 4096;
/// As other tools have it that pass a trace on to what they start.
constexpr const char* kTraceVariable = "TRACEPARENT";

/// An option that libcurl knows is always taken.
template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  ENSURE(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

/// A server on this machine is asked itself, whatever proxy the environment names for others.
bool is_on_loopback(std::string_view url) {
  const std::string_view host = url.substr(std::min(url.find("://"), url.size() - 3) + 3);
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

bool is_good(long status) { return status >= 200 && status < 300; }

}  // namespace

Transfers::Transfers() {
  ENSURE(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  multi_ = curl_multi_init();
  ENSURE(multi_ != nullptr);
}

Transfers::~Transfers() {
  ENSURE(curl_multi_cleanup(multi_) == CURLM_OK);
  curl_global_cleanup();
}

void Transfers::wait(Millis ms_max, std::span<Watched> watched) {
  std::vector<curl_waitfd> fds;
  for (const Watched& one : watched) {
    if (one.fd >= 0) fds.push_back({one.fd, CURL_WAIT_POLLIN, 0});
  }
  ENSURE(curl_multi_poll(multi_, fds.data(), static_cast<unsigned>(fds.size()),
                         static_cast<int>(ms_max), nullptr) == CURLM_OK);
  auto polled = fds.begin();
  for (Watched& one : watched) one.is_ready = one.fd >= 0 && (polled++)->revents != 0;
  int running = 0;
  ENSURE(curl_multi_perform(multi_, &running) == CURLM_OK);
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
    Transfer* transfer = nullptr;
    ENSURE(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) == CURLE_OK);
    transfer->is_over_ = true;
    transfer->code_ = message->data.result;
  }
}

Transfer::Transfer(Transfers& transfers, const Settings& settings, const Request& request)
    : transfers_(transfers),
      url_(settings.url + request.target),
      request_body_(request.body),
      easy_(curl_easy_init()) {
  ENSURE(easy_ != nullptr);
  const curl_write_callback take_body = [](char* bytes, std::size_t, std::size_t count,
                                           void* self) noexcept {
    return static_cast<Transfer*>(self)->on_body({bytes, count}) ? count : 0;
  };
  const auto add_header = [this](const std::string& line) {
    header_lines_ = curl_slist_append(header_lines_, line.c_str());
    ENSURE(header_lines_ != nullptr);
  };
  for (const std::string& line : request.header_lines) add_header(line);
  // A redirect would carry the token elsewhere, so none is followed.
  if (!settings.token.empty()) add_header(fmt::format("Authorization: Bearer {}", settings.token));
  set(easy_, CURLOPT_URL, url_.c_str());
  set(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  if (is_on_loopback(settings.url)) set(easy_, CURLOPT_NOPROXY, "*");
  set(easy_, CURLOPT_NOSIGNAL, 1L);
  set(easy_, CURLOPT_PATH_AS_IS, 1L);
  set(easy_, CURLOPT_USERAGENT, "progressctl");
  set(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(kConnectMsMax));
  if (!request.is_stream) set(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(kAnswerMsMax));
  if (request.method != "GET") {
    set(easy_, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    set(easy_, CURLOPT_POSTFIELDS, request_body_.c_str());
    set(easy_, CURLOPT_POSTFIELDSIZE, static_cast<long>(request_body_.size()));
    add_header("Expect:");
    if (request_body_.empty()) add_header("Content-Type:");
  }
  set(easy_, CURLOPT_HTTPHEADER, header_lines_);
  set(easy_, CURLOPT_WRITEFUNCTION, take_body);
  set(easy_, CURLOPT_WRITEDATA, this);
  set(easy_, CURLOPT_PRIVATE, this);
  ENSURE(curl_multi_add_handle(transfers_.multi_, easy_) == CURLM_OK);
}

Transfer::~Transfer() {
  ENSURE(curl_multi_remove_handle(transfers_.multi_, easy_) == CURLM_OK);
  curl_easy_cleanup(easy_);
  curl_slist_free_all(header_lines_);
}

bool Transfer::on_body(std::string_view part) {
  if (body_.size() + part.size() > kAnswerBytesMax) return false;
  body_.append(part);
  return true;
}

long Transfer::status() const {
  long status = 0;
  ENSURE(curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK);
  return status;
}

std::string Transfer::take_bytes() { return std::exchange(body_, {}); }

Result<Answer> Transfer::answer() {
  if (code_ != CURLE_OK) {
    // libcurl calls it a file.
    const char* const why =
        code_ == CURLE_PARTIAL_FILE ? "the connection was cut" : curl_easy_strerror(code_);
    return fail(Errc::kUnavailable, fmt::format("{}: {}", url_.substr(0, url_.find('?')), why));
  }
  Answer answer{status(), std::move(body_), std::nullopt};
  curl_off_t seconds = 0;
  ENSURE(curl_easy_getinfo(easy_, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK);
  if (seconds > 0) answer.retry_after_ms = seconds * 1000;
  return answer;
}

Result<Answer> call(Transfers& transfers, const Settings& settings, const Request& request) {
  Transfer transfer(transfers, settings, request);
  while (!transfer.is_over()) transfers.wait(kAnswerMsMax);
  Result<Answer> answer = transfer.answer();
  if (answer && !is_good(answer->status)) return tl::unexpected(refusal(*answer));
  return answer;
}

Error refusal(const Answer& answer) {
  std::string detail;
  JsonReader reader;
  // A body that is no problem+json says nothing more than its status.
  const Result<void> read = reader.read_copied_object(
      answer.body, [&](std::string_view name, JsonValue& value) -> Result<void> {
        if (name != "detail") return {};
        return value.string(name, kDetailBytesMax).map([&](std::string_view text) {
          detail = text;
        });
      });
  if (!read) detail.clear();
  return {Errc::kUnavailable,
          detail.empty() ? fmt::format("the server answers {}", answer.status)
                         : fmt::format("the server answers {}: {}", answer.status, detail)};
}

Result<std::string> json_line(const Answer& answer) {
  return minified_json(answer.body).map_error([](const Error& error) {
    return Error{Errc::kUnavailable, "the server's answer is no JSON: " + error.detail};
  });
}

std::string url_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    is_plain ? out.push_back(c)
             : static_cast<void>(out += fmt::format("%{:02X}", static_cast<unsigned char>(c)));
  }
  return out;
}

Request json_request(std::string method, std::string target, std::string_view body) {
  return {.method = std::move(method),
          .target = std::move(target),
          .body = std::string(body),
          .header_lines = {"Content-Type: application/json"}};
}

Request creation_request(std::string_view body) {
  Request request = json_request("POST", "/v1/jobs", body);
  const char* const trace = std::getenv(kTraceVariable);
  const auto traceparent = parse_traceparent(trace == nullptr ? "" : trace);
  if (traceparent) request.header_lines.push_back("traceparent: " + *traceparent);
  return request;
}

}  // namespace progressd::ctl

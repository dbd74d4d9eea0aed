#include "net/access/cors.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/ensure.h"

namespace progressd {
namespace {

constexpr std::string_view kMethods = "GET, HEAD, POST, PATCH, DELETE";
// Cache-Control: pages that read a stream with fetch() often send `no-cache`. traceparent and
// tracestate: so do pages that are traced.
constexpr std::string_view kHeaders =
    "Content-Type, Authorization, Idempotency-Key, Last-Event-ID, If-Match, If-None-Match, "
    "Cache-Control, traceparent, tracestate";
constexpr std::string_view kExposed = "Location, ETag, Retry-After";
constexpr int kPreflightKeptSeconds = 7'200;  // Chromium keeps one no longer

constexpr std::string_view kVary = "Vary: Origin\r\n";

std::string lines_for(std::string_view origin) {
  return fmt::format(
      "Access-Control-Allow-Origin: {}\r\n"
      "Access-Control-Expose-Headers: {}\r\n",
      origin, kExposed);
}

bool is_of(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != more.npos;
  });
}

/// A scheme, a host, and a port where it is not the scheme's own.
bool is_origin(std::string_view text) {
  const std::size_t mark = text.find("://");
  if (mark == 0 || mark == std::string_view::npos) return false;
  const std::string_view scheme = text.substr(0, mark);
  const std::string_view host = text.substr(mark + 3);
  const bool default_port =
      (scheme == "http" && host.ends_with(":80")) || (scheme == "https" && host.ends_with(":443"));
  return is_of(scheme, "-+.") && is_of(host, "-._[]:") && !host.empty() && host.front() != ':' &&
         !default_port;
}

}  // namespace

Result<std::string> parse_origin(std::string_view text) {
  if (text == kAnyOrigin || text == kNullOrigin || is_origin(text)) return std::string(text);
  return fail(Errc::kInvalid,
              fmt::format("'{}' is no origin: write it as browsers do, like https://app.example or "
                          "http://localhost:3000, in small letters, with no path and no default "
                          "port; or *",
                          text));
}

Cors::Cors(const std::vector<std::string>& origins) {
  ENSURE(origins.size() <= kCorsOriginsMax);
  for (const std::string& origin : origins) {
    if (origin == kAnyOrigin) {
      any_ = true;
      continue;
    }
    const std::string_view credentials =
        origin == kNullOrigin ? "" : "Access-Control-Allow-Credentials: true\r\n";
    named_.push_back({origin, fmt::format("{}{}{}", lines_for(origin), credentials, kVary)});
  }
  if (any_) other_header_lines_ = lines_for(kAnyOrigin);
  if (!named_.empty()) other_header_lines_ += kVary;
}

const Cors::Named* Cors::named(const Request& request) const {
  if (named_.empty() || request.count_headers("Origin") != 1) return nullptr;
  const std::string_view origin = *request.header("Origin");
  const auto found = std::find_if(named_.begin(), named_.end(),
                                  [&](const Named& one) { return one.origin == origin; });
  return found == named_.end() ? nullptr : &*found;
}

bool Cors::allows(const Request& request) const { return any_ || named(request) != nullptr; }

std::string_view Cors::header_lines(const Request& request) const {
  const Named* one = named(request);
  return one == nullptr ? other_header_lines_ : one->header_lines;
}

std::optional<Response> Cors::preflight(const Request& request) const {
  if (request.method != Method::kOptions || !request.header("Origin") ||
      !request.header("Access-Control-Request-Method")) {
    return std::nullopt;
  }
  Response response;
  response.status = 204;
  response.with("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  if (!allows(request)) return response;
  response.with("Access-Control-Allow-Methods", std::string(kMethods))
      .with("Access-Control-Allow-Headers", std::string(kHeaders))
      .with("Access-Control-Max-Age", std::to_string(kPreflightKeptSeconds));
  return response;
}

}  // namespace progressd

#include "net/access/browser_rules.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <optional>

#include "net/access/credentials.h"

namespace progressd {
namespace {

constexpr std::size_t kNameBytesMax = 253;  // of a DNS name

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (char& c : small) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return small;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                  c == '.';
         });
}

/// The address in `[::1]`.
std::optional<in6_addr> ipv6_of(const std::string& host) {
  in6_addr address{};
  if (host.size() < 2 || host.front() != '[' || host.back() != ']' ||
      inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &address) != 1) {
    return std::nullopt;
  }
  return address;
}

bool is_loopback_host(const std::string& host) {
  if (const auto six = ipv6_of(host)) {
    return IN6_IS_ADDR_LOOPBACK(&*six) || (IN6_IS_ADDR_V4MAPPED(&*six) && six->s6_addr[12] == 127);
  }
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  // RFC 6761, section 6.3: these names lead nowhere else.
  return host == "localhost" || (host.size() > 10 && host.ends_with(".localhost"));
}

/// A Host without its port and its final dot, in small letters; none when it is malformed.
std::optional<std::string> host_of(std::string_view field) {
  const std::size_t bracket = field.find(']');
  const std::size_t colon =
      std::min(field.find(':', bracket == std::string_view::npos ? 0 : bracket), field.size());
  const std::string_view port = field.substr(std::min(colon + 1, field.size()));
  if (port.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  std::string host = in_small_letters(field.substr(0, colon));
  if (host.size() > 1 && host.back() == '.') host.pop_back();
  return host;
}

/// Whether a page may send a body of this type without asking: what a form can.
/// Source: the WHATWG Fetch standard, CORS-safelisted request-header.
bool is_simple(std::string_view content_type) {
  constexpr std::array<std::string_view, 4> kSimple{
      "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"};
  return std::any_of(kSimple.begin(), kSimple.end(), [&](std::string_view simple) {
    return equals_ignoring_case(content_type, simple);
  });
}

/// Whether a browser says that a page of another origin made it ask.
bool comes_from_elsewhere(const Request& request) {
  if (const auto site = request.header("Sec-Fetch-Site")) {
    return *site == "cross-site" || *site == "same-site";
  }
  // Older browsers, and all of them towards a plain http server that is not on loopback, send only
  // the page's origin. What they don't send before they have asked whether they may, no page can
  // forge: a token in a header (a name and password they do send by themselves), another method
  // than POST, what no form can send.
  const std::string_view origin = request.header("Origin").value_or("");
  if (origin.empty()) return false;
  const std::size_t scheme_end = origin.find("://");
  const bool is_asked_for =
      has_bearer(request) || request.method != Method::kPost || !is_simple(request.content_type());
  if (is_asked_for) return false;
  return scheme_end == std::string_view::npos ||
         !equals_ignoring_case(origin.substr(scheme_end + 3), request.host());
}

}  // namespace

Result<std::string> parse_host(std::string_view text) {
  std::string host = in_small_letters(text);
  if (host.size() > 1 && host.back() == '.') host.pop_back();
  if (ipv6_of(host) || is_name(host)) return host;
  return fail(Errc::kInvalid,
              fmt::format("'{}' is no host: write a name or an address without a port, like "
                          "jobs.example, 192.0.2.7 or [2001:db8::7]",
                          text));
}

bool HostRule::admits(const Request& request) const {
  const std::string_view field = request.host();
  if (field.empty() || field == last_admitted_) return true;
  const std::optional<std::string> host = host_of(field);
  const bool admitted =
      host && (is_loopback_host(*host) ||
               std::find(allowed_.begin(), allowed_.end(), *host) != allowed_.end());
  if (admitted) last_admitted_ = field;
  return admitted;
}

bool is_forged(const Request& request, const Cors& cors) {
  switch (request.method) {
    case Method::kGet:
    case Method::kHead:
    case Method::kOptions:
      return false;
    default:
      break;
  }
  if (!comes_from_elsewhere(request)) return false;
  return !(token_cookie(request) ? cors.allows_credentials(request) : cors.allows(request));
}

}  // namespace progressd

#include "net/access/credentials.h"

#include <algorithm>
#include <array>

namespace progressd {
namespace {

Credentials no_token(std::string why, bool token_sent) {
  return {fail(Errc::kUnauthorized, std::move(why)), token_sent};
}

/// Source: RFC 6750, section 2.1: `b64token`.
bool is_token(std::string_view text) {
  static constexpr std::array<bool, 256> kDigits = [] {
    std::array<bool, 256> digits{};
    for (unsigned char c = '0'; c <= '9'; ++c) digits[c] = true;
    for (unsigned char c = 'a'; c <= 'z'; ++c) digits[c] = digits[c - 'a' + 'A'] = true;
    for (const char c : std::string_view("-._~+/")) digits[static_cast<unsigned char>(c)] = true;
    return digits;
  }();
  const std::string_view digits = text.substr(0, text.find_last_not_of('=') + 1);
  return !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) {
    return kDigits[static_cast<unsigned char>(c)];
  });
}

std::string_view scheme_of(std::string_view authorization) {
  return authorization.substr(0, authorization.find(' '));
}

Credentials of_authorization(const Request& request, std::string_view value) {
  const std::string_view token = trimmed(value.substr(scheme_of(value).size()));
  if (!is_token(token) || request.count_headers("Authorization") > 1) {
    return no_token("Authorization: must be sent once, as Bearer, a space and the token",
                    /*token_sent=*/true);
  }
  return {token, /*token_sent=*/true};
}

}  // namespace

bool has_bearer(const Request& request) {
  const std::optional<std::string_view> value = request.header("Authorization");
  return value && equals_ignoring_case(scheme_of(*value), "Bearer");
}

// RFC 6265, sections 4.2.1 and 5.4: of several cookies with one name the first is the closest.
std::optional<std::string_view> token_cookie(const Request& request) {
  std::string_view rest = request.header("Cookie").value_or("");
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || trimmed(pair.substr(0, equals)) != kTokenCookie)
      continue;
    std::string_view value = trimmed(pair.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (!value.empty()) return value;
  }
  return std::nullopt;
}

Credentials credentials_of(const Request& request, bool query_token) {
  const std::optional<std::string_view> authorization = request.header("Authorization");
  // Where there are two, nobody can say which of them counts.
  if (authorization && (has_bearer(request) || request.count_headers("Authorization") > 1)) {
    return of_authorization(request, *authorization);
  }
  std::optional<std::string_view> token = token_cookie(request);
  if (!token && query_token) token = request.query(kTokenParameter);
  if (token && !token->empty()) return {*token, /*token_sent=*/true};
  return no_token(authorization ? "Authorization: only the scheme Bearer is known"
                                : "a token is needed: send it as Authorization: Bearer TOKEN",
                  /*token_sent=*/false);
}

Response unauthorized(const Error& error, bool token_sent) {
  Response response = problem(error);
  return std::move(response.with("WWW-Authenticate",
                                 token_sent ? R"(Bearer realm="progressd", error="invalid_token")"
                                            : R"(Bearer realm="progressd")"));
}

}  // namespace progressd

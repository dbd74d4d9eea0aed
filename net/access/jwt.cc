#include "net/access/jwt.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "core/base/base64url.h"
#include "core/jobs/job.h"
#include "net/http/request.h"

namespace progressd {
namespace {

constexpr double kUnixSecondsMax = 253'402'300'799;  // the end of the year 9999

tl::unexpected<Error> refuse(std::string why) { return fail(Errc::kUnauthorized, std::move(why)); }

struct Header {
  std::string alg;
  std::string typ = "JWT";
  std::optional<std::string> kid;
};

struct Claims {
  std::string sub;
  std::string iss;
  std::vector<std::string> aud;
  std::vector<std::string> scope;
  std::optional<double> exp;
  std::optional<double> nbf;
};

/// Whether the token is three parts of base64url with a dot between each two.
bool is_well_formed(std::string_view token) {
  if (std::count(token.begin(), token.end(), '.') != 2) return false;
  while (true) {
    const std::string_view part = token.substr(0, token.find('.'));
    if (part.empty() || !base64url_decoded(part)) return false;
    if (part.size() == token.size()) return true;
    token.remove_prefix(part.size() + 1);
  }
}

Result<void> take_string(std::string_view name, JsonValue& value, std::string& to) {
  return value.string(name, kTokenBytesMax).map([&](std::string_view text) { to = text; });
}

/// `aud` may be one string or many, and so may `scope` with some issuers.
Result<void> take_strings(std::string_view name, JsonValue& value, std::vector<std::string>& to) {
  to.clear();
  const auto take = [&](JsonValue& one) {
    return one.string(name, kTokenBytesMax).map([&](std::string_view text) {
      to.emplace_back(text);
    });
  };
  return value.is_array() ? value.elements(name, take) : take(value);
}

/// RFC 7519, section 2: a NumericDate need not be an integer.
Result<void> take_time(std::string_view name, JsonValue& value, std::optional<double>& to) {
  const Result<std::string> text = value.json(name, kTokenBytesMax);
  if (!text) return tl::unexpected(text.error());
  double seconds = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, seconds);
  if (error != std::errc{} || stop != end) {
    return fail(Errc::kInvalid, fmt::format("{}: must be a number", name));
  }
  to = std::clamp(seconds, 0.0, kUnixSecondsMax);
  return {};
}

bool has_scope(const Claims& claims, std::string_view wanted) {
  return std::any_of(claims.scope.begin(), claims.scope.end(), [&](std::string_view scopes) {
    while (!scopes.empty()) {
      const std::string_view scope = scopes.substr(0, scopes.find(' '));
      if (scope == wanted) return true;
      scopes.remove_prefix(std::min(scope.size() + 1, scopes.size()));
    }
    return false;
  });
}

Result<void> take_claim(Claims& claims, std::string_view name, JsonValue& value) {
  if (name == "sub") return take_string(name, value, claims.sub);
  if (name == "iss") return take_string(name, value, claims.iss);
  if (name == "aud") return take_strings(name, value, claims.aud);
  if (name == "scope") return take_strings(name, value, claims.scope);
  if (name == "exp") return take_time(name, value, claims.exp);
  if (name == "nbf") return take_time(name, value, claims.nbf);
  return {};
}

}  // namespace

bool TokenRules::are_stricter_than(const TokenRules& others) const {
  const auto demands_another = [](const std::string& is, const std::string& was) {
    return !is.empty() && is != was;
  };
  return demands_another(audience, others.audience) || demands_another(issuer, others.issuer) ||
         (exp_required && !others.exp_required);
}

TokenVerifier::TokenVerifier(KeySet keys, TokenRules rules)
    : keys_(std::move(keys)), rules_(std::move(rules)) {}

void TokenVerifier::reload() {
  // A key that is gone must not go on through what was remembered of it.
  if (keys_.reload()) cache_.clear();
}

bool TokenVerifier::use(KeySet keys, TokenRules rules) {
  const bool stricter = rules.are_stricter_than(rules_);
  keys_.replace_by(std::move(keys));
  rules_ = std::move(rules);
  cache_.clear();
  return keys_.take_loss() || stricter;
}

void TokenVerifier::refresh_keys(std::int64_t now) {
  if (now == refreshed_at_) return;  // once a second is enough
  refreshed_at_ = now;
  if (keys_.refresh()) cache_.clear();
}

bool TokenVerifier::take_loss(std::int64_t now) {
  refresh_keys(now);
  return keys_.take_loss();
}

Result<Caller> TokenVerifier::verify(std::string_view token, std::int64_t now) {
  if (token.size() > kTokenBytesMax) {
    return refuse(fmt::format("the token takes more than {} bytes", kTokenBytesMax));
  }
  // Before what is remembered: a token whose key was taken out is refused a second later.
  refresh_keys(now);
  const Digest digest = sha256(token);
  if (const Caller* known = cache_.find(digest, now)) {
    if (known->expires_at != 0 && now >= known->expires_at) return refuse("the token has expired");
    return *known;
  }
  Result<Caller> caller = check(std::string(token), now);
  if (caller) cache_.remember(digest, *caller, now);
  return caller;
}

Result<Caller> TokenVerifier::check(const std::string& token, std::int64_t now) {
  if (!is_well_formed(token)) {
    return refuse("the token is not three parts of base64url with dots between them");
  }
  const Result<const VerificationKey*> key =
      key_for(*base64url_decoded(std::string_view(token).substr(0, token.find('.'))));
  if (!key) return tl::unexpected(key.error());
  const Result<std::string> claims = signed_claims(token, **key);
  if (!claims) return tl::unexpected(claims.error());
  return caller_of(*claims, now);
}

Result<const VerificationKey*> TokenVerifier::key_for(std::string_view text) {
  Header header;
  const Result<void> read = reader_.read_copied_object(
      text, [&](std::string_view name, JsonValue& value) -> Result<void> {
        if (name == "alg") return take_string(name, value, header.alg);
        if (name == "typ") return take_string(name, value, header.typ);
        if (name == "kid") return take_string(name, value, header.kid.emplace());
        // RFC 7515, section 4.1.11: whoever does not know what it asks for must refuse.
        if (name == "crit")
          return fail(Errc::kInvalid, "crit: nothing that it can ask for is known");
        return {};
      });
  if (!read) return refuse(fmt::format("the token's header: {}", read.error().detail));
  if (header.alg.empty()) return refuse("the token's header: alg is missing");
  if (!equals_ignoring_case(header.typ, "JWT")) {  // libjwt takes no other
    return refuse("the token's header: typ must be JWT, or left out");
  }
  return keys_.find(header.alg, header.kid);
}

Result<Caller> TokenVerifier::caller_of(std::string_view text, std::int64_t now) {
  Claims claims;
  const Result<void> read = reader_.read_copied_object(
      text,
      [&](std::string_view name, JsonValue& value) { return take_claim(claims, name, value); });
  if (!read) return refuse(fmt::format("the token's claims: {}", read.error().detail));
  Caller caller;
  caller.authenticated = true;
  if (claims.exp) {
    caller.expires_at = static_cast<std::int64_t>(std::floor(*claims.exp)) + kLeewaySeconds;
    if (now >= caller.expires_at) return refuse("the token has expired");
  } else if (rules_.exp_required) {
    return refuse("the token needs an exp");
  }
  if (claims.nbf && now < static_cast<std::int64_t>(std::ceil(*claims.nbf)) - kLeewaySeconds) {
    return refuse("the token is not valid yet");
  }
  if (!rules_.issuer.empty() && claims.iss != rules_.issuer) {
    return refuse("the token's iss is not the issuer that is trusted here");
  }
  if (!rules_.audience.empty() &&
      std::find(claims.aud.begin(), claims.aud.end(), rules_.audience) == claims.aud.end()) {
    return refuse("the token's aud does not name this server");
  }
  if (claims.sub.empty() || claims.sub.size() > kOwnerBytesMax) {
    return refuse(fmt::format("the token's sub must be 1 to {} bytes", kOwnerBytesMax));
  }
  // With it somebody would have what was made while nobody had to say who they are.
  if (claims.sub == kAnonymous) {
    return refuse(
        fmt::format("the token's sub must not be {}, which stands for nobody", kAnonymous));
  }
  caller.user = std::move(claims.sub);
  caller.reports = has_scope(claims, kReportScope);
  caller.administers = has_scope(claims, kAdminScope);
  return caller;
}

}  // namespace progressd

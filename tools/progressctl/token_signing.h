// Makes the tokens that a server accepts (net/access/jwt.h): for trying out, scripts and workers.
// libjwt signs, OpenSSL tells what kind of key it is given; both have their home in the .cc file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "net/access/signature.h"

namespace progressd::ctl {

struct SigningKey {
  Algorithm algorithm;
  std::string bytes;  // the secret itself, or a private key in PEM
};

/// The secret of a file, by the rules that the server reads one by.
/// Errors: kInvalid.
Result<SigningKey> signing_secret(const std::string& path);
/// An RSA or EC P-256 private key in PEM, without a passphrase.
/// Errors: kInvalid, for what the server would not take the public half of, too.
Result<SigningKey> private_key(const std::string& path);

struct TokenClaims {
  std::string sub;
  std::string scope;
  std::string audience;
  std::string issuer;
  std::string kid;                         // of the header
  std::int64_t issued_at = 0;              // Unix seconds
  std::optional<std::int64_t> expires_at;  // none: never
};

/// Errors: kUnavailable, when the libraries refuse.
/// Source: RFC 7515, section 5.1; RFC 7519, section 7.1.
Result<std::string> signed_token(const SigningKey& key, const TokenClaims& claims);

}  // namespace progressd::ctl

// The keys of a JSON Web Key Set that tokens here may be signed with.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "net/access/signature.h"

namespace progressd {

inline constexpr std::size_t kJwksKeysMax = 100;

struct Jwks {
  std::vector<VerificationKey> keys;  // at least one
  std::size_t ignored = 0;            // that are for something else, or broken
};

/// Takes RSA and EC P-256 keys whose `use`, `key_ops` and `alg`, where given, are for checking
/// RS256 or ES256 signatures.
/// Errors: kInvalid, for what is no key set, or has none of these keys, or more than kJwksKeysMax.
/// Source: RFC 7517; keys that it can't use are ignored, as its section 5 asks.
Result<Jwks> read_jwks(std::string_view text);

}  // namespace progressd

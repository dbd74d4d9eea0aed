// Whether a token was signed with a key. libjwt checks it, and has its home in signature.cc.
//
// The algorithm belongs to the key. libjwt 1.10 takes it from the token's own header, and would
// check HS256 with a public key's PEM as the secret, so what it used is compared afterwards;
// whoever chooses the key compares it before (KeySet::find).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace progressd {

enum class Algorithm : std::uint8_t { kHs256, kRs256, kEs256 };
/// As a token's header writes it.
std::string_view algorithm_name(Algorithm algorithm);

struct VerificationKey {
  Algorithm algorithm;
  std::string bytes;  // the secret itself, or a public key in PEM
  std::string id;     // its `kid`; empty when it has none

  bool operator==(const VerificationKey&) const = default;
};

/// The claims of the token, as JSON; only of one that was signed with this key.
/// Errors: kUnauthorized.
/// Source: RFC 7515, section 5.2; RFC 8725, section 3.1.
Result<std::string> signed_claims(const std::string& token, const VerificationKey& key);

}  // namespace progressd

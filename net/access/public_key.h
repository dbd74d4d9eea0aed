// Public keys for RS256 and ES256, out of PEM or out of their numbers. OpenSSL reads and checks
// them. A key that is too weak, or of a kind that no algorithm here takes, is refused.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "net/access/signature.h"

namespace progressd {

/// RFC 7518, section 3.3, asks for the first; the second bounds what a check may cost.
inline constexpr int kRsaBitsMin = 2048;
inline constexpr int kRsaBitsMax = 8192;

/// What is said of a key that can be read, and that nobody can have made.
inline constexpr std::string_view kNoPublicKeyDetail = "the key's numbers are no public key";

/// `pem`: SubjectPublicKeyInfo, `-----BEGIN PUBLIC KEY-----`.
/// Errors: kInvalid, saying what of it is wrong.
Result<VerificationKey> key_of_pem(std::string_view pem);

/// Shape:  big-endian numbers, as in a JWK (RFC 7518, section 6.3.1).
/// Errors: kInvalid.
Result<VerificationKey> rsa_key(std::string_view modulus, std::string_view exponent);

/// Shape:  32 bytes each, as in a JWK (RFC 7518, section 6.2.1).
/// Errors: kInvalid, for what is no point of P-256 too.
Result<VerificationKey> p256_key(std::string_view x, std::string_view y);

}  // namespace progressd

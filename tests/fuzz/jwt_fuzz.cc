// Tokens and key files. Holds: a token that is taken was signed by a key of ours, over these very
// bytes; what it grants is what its claims say; taken once is taken again, until it expires; a key
// set that is taken has keys, within their bound.
//
//   input   kind 1 byte │ text: a token for each kind of key, a header and claims that are then
//           signed with the secret (a line each), a key file, or claims and a key set
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/base64url.h"
#include "core/base/digest.h"
#include "core/base/ensure.h"
#include "core/jobs/job.h"
#include "net/access/jwks.h"
#include "net/access/jwt.h"
#include "net/access/public_key.h"
#include "tests/fuzz/support/choices.h"
#include "tests/fuzz/support/key_files.h"
#include "tests/fuzz/support/signed_tokens.h"

namespace progressd::fuzz {
namespace {

constexpr std::int64_t kNow = 1'795'218'125;  // Unix seconds

TokenVerifier verifier_of(KeyFileKind kind, std::string_view file) {
  Result<KeySet> keys = key_set_of(kind, file);
  ENSURE(keys.has_value());
  return TokenVerifier(std::move(*keys), {});
}

void check_caller(TokenVerifier& verifier, std::string_view token, const Caller& caller) {
  ENSURE(caller.authenticated && !caller.user.empty() && caller.user.size() <= kOwnerBytesMax);
  ENSURE(token.size() <= kTokenBytesMax);
  const Result<Caller> again = verifier.verify(token, kNow);
  ENSURE(again.has_value() && *again == caller);
  if (caller.expires_at == 0) return;
  ENSURE(caller.expires_at > kNow);
  ENSURE(!verifier.verify(token, caller.expires_at));
}

std::string_view signed_part(std::string_view token) { return token.substr(0, token.rfind('.')); }

void try_secret(std::string_view token) {
  static const KeySet keys = secret_keys();
  TokenVerifier verifier(keys, {});
  const Result<Caller> caller = verifier.verify(token, kNow);
  if (!caller) return;
  const std::string_view text = signed_part(token);
  ENSURE(token.substr(text.size() + 1) == base64url(view_of(hmac_sha256(kSecret, text))));
  check_caller(verifier, token, *caller);
}

/// Nobody can make another signature, so only a token that was made beforehand is taken.
void try_public(KeyFileKind kind, std::string_view file, std::string_view token) {
  static TokenVerifier rsa = verifier_of(KeyFileKind::kPublicKey, kRsaPem);
  static TokenVerifier ec = verifier_of(KeyFileKind::kPublicKey, kEcPem);
  static TokenVerifier set = verifier_of(KeyFileKind::kJwks, kKeySet);
  TokenVerifier& verifier = kind == KeyFileKind::kJwks ? set : file == kRsaPem ? rsa : ec;
  const Result<Caller> caller = verifier.verify(token, kNow);
  if (!caller) return;
  const auto is_known = [&](std::string_view known) {
    return signed_part(known) == signed_part(token);
  };
  ENSURE(std::any_of(kSignedTokens.begin(), kSignedTokens.end(), is_known));
  check_caller(verifier, token, *caller);
}

/// A token as an issuer would make it, whatever it says.
void try_signed(std::string_view header, std::string_view claims) {
  std::string token = base64url(header) + "." + base64url(claims);
  token.append(".").append(base64url(view_of(hmac_sha256(kSecret, token))));
  try_secret(token);
}

/// A key out of a set is kept as PEM, and read again where tokens are verified. OpenSSL looks for a
/// small factor of an RSA modulus with witnesses chosen by chance: one with a prime factor just
/// over 751, which no issuer makes, passes nearly always and not each time. There is no chance in
/// whether PEM can be read, nor in a point of P-256. Source: NIST SP 800-56B, section 6.4.2.
void check_pem(const VerificationKey& key) {
  const Result<VerificationKey> again = key_of_pem(key.bytes);
  if (again) {
    ENSURE(again->algorithm == key.algorithm && again->bytes == key.bytes);
  } else {
    ENSURE(key.algorithm == Algorithm::kRs256 && again.error().detail == kNoPublicKeyDetail);
  }
}

void try_key_files(std::string_view text) {
  if (const Result<Jwks> jwks = read_jwks(text)) {
    ENSURE(!jwks->keys.empty() && jwks->keys.size() + jwks->ignored <= kJwksKeysMax);
    for (const VerificationKey& key : jwks->keys) {
      ENSURE(key.algorithm != Algorithm::kHs256);
      check_pem(key);
    }
  }
  if (const Result<VerificationKey> key = key_of_pem(text)) {
    ENSURE(key->algorithm != Algorithm::kHs256);
    check_pem(*key);
  }
}

void run(std::string_view bytes) {
  Choices input(bytes);
  switch (input.index(6)) {
    case 0:
      return try_secret(input.rest());
    case 1: {
      const std::string_view header = input.line();
      return try_signed(header, input.rest());
    }
    case 2:
      return try_public(KeyFileKind::kPublicKey, kRsaPem, input.rest());
    case 3:
      return try_public(KeyFileKind::kPublicKey, kEcPem, input.rest());
    case 4:
      return try_public(KeyFileKind::kJwks, kKeySet, input.rest());
    default:
      return try_key_files(input.rest());
  }
}

}  // namespace
}  // namespace progressd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  progressd::fuzz::run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}

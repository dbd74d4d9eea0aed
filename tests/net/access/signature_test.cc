#include "net/access/signature.h"

#include <gtest/gtest.h>

#include "net/access/public_key.h"
#include "tests/core/testing.h"
#include "tests/net/access/tokens.h"

namespace progressd {
namespace {

using testing::error_of;
using testing::hs256_token;
using testing::SigningKey;

constexpr std::string_view kClaims = R"({"sub":"ann"})";
const std::string kSecret(32, 's');
const VerificationKey kSecretKey{Algorithm::kHs256, kSecret, {}};

TEST(Signature, GivesTheClaimsOfATokenOfItsKey) {
  EXPECT_EQ(signed_claims(hs256_token(kSecret, kClaims), kSecretKey), kClaims);
  const SigningKey rsa = SigningKey::rsa();
  EXPECT_EQ(signed_claims(rsa.token(kClaims), key_of_pem(rsa.public_pem()).value()), kClaims);
  const SigningKey ec = SigningKey::ec();
  EXPECT_EQ(signed_claims(ec.token(kClaims), key_of_pem(ec.public_pem()).value()), kClaims);
}

TEST(Signature, ASecretMayHoldAnyBytes) {
  const std::string secret("\0\xff\0\n0123456789012345678901234567", 32);
  const VerificationKey key{Algorithm::kHs256, secret, {}};
  EXPECT_EQ(signed_claims(hs256_token(secret, kClaims), key), kClaims);
  EXPECT_EQ(error_of(signed_claims(hs256_token(std::string(32, '\0'), kClaims), key)),
            Errc::kUnauthorized);
}

TEST(Signature, EachByteOfATokenCounts) {
  const SigningKey ec = SigningKey::ec();
  const VerificationKey ec_key = key_of_pem(ec.public_pem()).value();
  for (const auto& [token, key] : {std::pair(hs256_token(kSecret, kClaims), kSecretKey),
                                   std::pair(ec.token(kClaims), ec_key)}) {
    for (std::size_t at = 0; at < token.size(); ++at) {
      // The last digit of a part carries bits that are no part of its bytes.
      if (token[at] == '.' || at + 1 == token.size() || token[at + 1] == '.') continue;
      std::string forged = token;
      forged[at] = forged[at] == 'A' ? 'B' : 'A';
      EXPECT_EQ(error_of(signed_claims(forged, key)), Errc::kUnauthorized) << at;
    }
  }
}

TEST(Signature, OfAnotherKeyIsRefused) {
  const VerificationKey rsa = key_of_pem(SigningKey::rsa().public_pem()).value();
  const VerificationKey ec = key_of_pem(SigningKey::ec().public_pem()).value();
  EXPECT_FALSE(signed_claims(hs256_token(std::string(32, 't'), kClaims), kSecretKey));
  EXPECT_FALSE(signed_claims(SigningKey::rsa().token(kClaims), rsa));
  EXPECT_FALSE(signed_claims(SigningKey::ec().token(kClaims), ec));
  EXPECT_FALSE(signed_claims(SigningKey::rsa().token(kClaims), ec));
  EXPECT_FALSE(signed_claims(SigningKey::ec().token(kClaims), rsa));
}

// libjwt would take each of these: it looks at the token's header only.
TEST(Signature, ThePublicKeyIsNeverTakenForASecret) {
  for (const SigningKey& issuer : {SigningKey::rsa(), SigningKey::ec()}) {
    const VerificationKey key = key_of_pem(issuer.public_pem()).value();
    EXPECT_FALSE(signed_claims(hs256_token(issuer.public_pem(), kClaims), key));
    const std::string repeated = R"({"alg":"RS256","alg":"HS256"})";
    EXPECT_FALSE(signed_claims(hs256_token(issuer.public_pem(), kClaims, repeated), key));
  }
}

TEST(Signature, NoneIsNoAlgorithm) {
  const std::string text = testing::unsigned_token(R"({"alg":"none"})", kClaims);
  for (const std::string& token : {text + ".", text + ".AAAA", text}) {
    EXPECT_FALSE(signed_claims(token, kSecretKey)) << token;
  }
}

TEST(Signature, WhatIsNoTokenIsRefused) {
  for (const std::string token :
       {"", ".", "..", "...", "a.b.c", "e30.e30.", ".e30.e30", "e30..e30"}) {
    EXPECT_EQ(error_of(signed_claims(token, kSecretKey)), Errc::kUnauthorized) << token;
  }
}

}  // namespace
}  // namespace progressd

#include "net/access/key_set.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <utility>

#include "tests/core/testing.h"
#include "tests/net/access/temp_folder.h"
#include "tests/net/access/tokens.h"

namespace progressd {
namespace {

using testing::error_of;
using testing::jwks_of;
using testing::SigningKey;
using testing::TempFolder;

class KeySetTest : public ::testing::Test {
 protected:
  Result<KeySet> open(KeyFileKind kind, std::string_view bytes) {
    return KeySet::open(kind, folder_.write("keys", bytes));
  }
  /// What is said of a file that is refused.
  std::string fault(KeyFileKind kind, std::string_view bytes) {
    const Result<KeySet> keys = open(kind, bytes);
    return keys ? "" : keys.error().detail;
  }
  static std::string id_of(const KeySet& keys, std::string_view algorithm,
                           const std::optional<std::string>& id = std::nullopt) {
    const Result<const VerificationKey*> key = keys.find(algorithm, id);
    return key ? (*key)->id : "refused: " + key.error().detail;
  }

  const TempFolder folder_;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_F(KeySetTest, ASecretIsTheFileWithoutOneLineEnd) {
  const std::string secret(32, 's');
  for (const std::string_view end : {"", "\n", "\r\n"}) {
    const Result<KeySet> keys = open(KeyFileKind::kSecret, secret + std::string(end));
    ASSERT_TRUE(keys);
    EXPECT_EQ(keys->secret(), secret);
    EXPECT_EQ(id_of(*keys, "HS256"), "");
    EXPECT_EQ(id_of(*keys, "HS256", "any"), "");
  }
  EXPECT_EQ(open(KeyFileKind::kSecret, secret + "\n\n")->secret(), secret + "\n");
  EXPECT_EQ(open(KeyFileKind::kSecret, secret + " ")->secret(), secret + " ");
}

TEST_F(KeySetTest, ASecretHasAtLeast32Bytes) {
  EXPECT_TRUE(open(KeyFileKind::kSecret, std::string(32, 's')));
  for (const std::string_view bytes :
       {"", "\n", "0123456789012345678901234567890", "0123456789012345678901234567890\n"}) {
    EXPECT_TRUE(has(fault(KeyFileKind::kSecret, bytes), "at least 32 bytes")) << bytes;
  }
}

TEST_F(KeySetTest, AKeyInPemIsNoSecret) {
  EXPECT_TRUE(has(fault(KeyFileKind::kSecret, SigningKey::ec().public_pem()), "--jwt-public-key"));
}

TEST_F(KeySetTest, APublicKeyIsForTheAlgorithmOfItsKind) {
  const Result<KeySet> rsa = open(KeyFileKind::kPublicKey, SigningKey::rsa().public_pem());
  ASSERT_TRUE(rsa);
  EXPECT_EQ(id_of(*rsa, "RS256"), "");
  EXPECT_EQ(id_of(*rsa, "RS256", "any"), "");
  const Result<KeySet> ec = open(KeyFileKind::kPublicKey, SigningKey::ec().public_pem());
  ASSERT_TRUE(ec);
  EXPECT_EQ(id_of(*ec, "ES256"), "");
  for (const std::string_view other :
       {"ES256", "HS256", "RS384", "PS256", "none", "None", "rs256", "RS256 ", ""}) {
    EXPECT_EQ(id_of(*rsa, other), "refused: the token's alg must be RS256") << other;
  }
  EXPECT_EQ(rsa->secret(), "");
}

TEST_F(KeySetTest, WhatIsNoPublicKeyIsRefused) {
  const SigningKey ec = SigningKey::ec();
  for (const std::string& bytes :
       {std::string(), std::string("ssh-rsa AAAA"), ec.private_pem(), ec.jwk(""),
        std::string("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")}) {
    EXPECT_TRUE(has(fault(KeyFileKind::kPublicKey, bytes), "-----BEGIN PUBLIC KEY-----")) << bytes;
  }
}

TEST_F(KeySetTest, WeakAndUnknownKeysAreRefused) {
  for (const SigningKey& key :
       {SigningKey::rsa(1024), SigningKey::ec("P-384"), SigningKey::ec("secp256k1")}) {
    EXPECT_TRUE(has(fault(KeyFileKind::kPublicKey, key.public_pem()), "must be RSA with 2048"));
  }
}

TEST_F(KeySetTest, WhatIsWrongWithTheFileIsSaidWithItsPath) {
  const Result<KeySet> missing = KeySet::open(KeyFileKind::kSecret, folder_.path("missing"));
  EXPECT_EQ(error_of(missing), Errc::kInvalid);
  EXPECT_EQ(missing.error().detail, folder_.path("missing") + ": No such file or directory");
  EXPECT_TRUE(has(KeySet::open(KeyFileKind::kJwks, folder_.path("")).error().detail, "directory"));
  const std::string large(kKeyFileBytesMax + 1, 's');
  EXPECT_TRUE(has(fault(KeyFileKind::kSecret, large), "larger than 1048576 bytes"));
  EXPECT_EQ(fault(KeyFileKind::kSecret, large.substr(1)), "");
}

TEST_F(KeySetTest, KeysOfASetAreToldApartByTheirIds) {
  const SigningKey one = SigningKey::rsa(), two = SigningKey::ec(), three = SigningKey::ec();
  const Result<KeySet> keys =
      open(KeyFileKind::kJwks, jwks_of({one.jwk(R"("kid":"one")"), two.jwk(R"("kid":"two")"),
                                        three.jwk(R"("kid":"three")")}));
  ASSERT_TRUE(keys);
  EXPECT_EQ(id_of(*keys, "RS256", "one"), "one");
  EXPECT_EQ(id_of(*keys, "ES256", "two"), "two");
  EXPECT_EQ(id_of(*keys, "ES256", "three"), "three");
  EXPECT_EQ(id_of(*keys, "RS256"), "one") << "the only one of its alg";
  EXPECT_EQ(id_of(*keys, "ES256"), "refused: the token needs a kid: several keys are for its alg");
  EXPECT_EQ(id_of(*keys, "ES256", "four"), "refused: no key here has the token's kid");
  EXPECT_EQ(id_of(*keys, "RS256", "two"), "refused: no key here is for the token's alg");
  EXPECT_EQ(id_of(*keys, "HS256"), "refused: no key here is for the token's alg");
  constexpr std::string_view kClaims = R"({"sub":"ann"})";
  EXPECT_TRUE(signed_claims(three.token(kClaims), **keys->find("ES256", "three")));
  EXPECT_FALSE(signed_claims(three.token(kClaims), **keys->find("ES256", "two")));
  EXPECT_TRUE(signed_claims(one.token(kClaims), **keys->find("RS256", "one")));
}

TEST_F(KeySetTest, KeysOfASetThatAreForSomethingElseAreIgnored) {
  const SigningKey rsa = SigningKey::rsa(), ec = SigningKey::ec();
  std::vector<std::string> jwks{
      R"({"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0","kid":"secret"})",
      R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
      R"({"kty":"RSA","kid":"numberless"})",
      R"({"kty":"RSA","n":"not base64url!","e":"AQAB"})",
      R"({"kty":"RSA","n":"AQAB","e":"AQAB"})",
      R"({"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"})",
      // 32 bytes each, but no point of the curve
      fmt::format(R"({{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}})", std::string(43, 'A')),
      R"({"kty":7})",
      R"([])",
      R"("key")",
      "null",
      rsa.jwk(R"("use":"enc")"),
      rsa.jwk(R"("alg":"RS512")"),
      rsa.jwk(R"("alg":"ES256")"),
      ec.jwk(R"("key_ops":["sign"])"),
      SigningKey::rsa(1024).jwk(""),
  };
  EXPECT_TRUE(has(fault(KeyFileKind::kJwks, jwks_of(jwks)), "of its 16 keys none"));
  jwks.push_back(rsa.jwk(R"("kid":"good","use":"sig","alg":"RS256","x5c":["…"],"x5t":null)"));
  jwks.push_back(ec.jwk(R"("kid":"also","key_ops":["sign","verify"])"));
  const Result<KeySet> keys = open(KeyFileKind::kJwks, jwks_of(jwks));
  ASSERT_TRUE(keys) << keys.error().detail;
  EXPECT_EQ(id_of(*keys, "RS256"), "good");
  EXPECT_EQ(id_of(*keys, "ES256"), "also");
}

TEST_F(KeySetTest, WhatIsNoKeySetIsRefused) {
  for (const std::string_view bytes : {"", "{", "[]", "{}", R"({"keys":{}})", R"({"keys":null})",
                                       R"({"keys":[}]})", "-----BEGIN PUBLIC KEY-----"}) {
    EXPECT_TRUE(has(fault(KeyFileKind::kJwks, bytes), "no JSON Web Key Set")) << bytes;
  }
  EXPECT_TRUE(has(fault(KeyFileKind::kJwks, R"({"keys":[]})"), "of its 0 keys none"));
  const std::vector<std::string> many(101, R"({"kty":"oct"})");
  EXPECT_TRUE(has(fault(KeyFileKind::kJwks, jwks_of(many)), "at most 100"));
}

TEST_F(KeySetTest, ASetIsReadAgainWhenItsFileHasChanged) {
  const SigningKey key = SigningKey::ec();
  KeySet keys = open(KeyFileKind::kJwks, jwks_of({key.jwk(R"("kid":"old")")})).value();
  EXPECT_FALSE(keys.refresh());
  folder_.write("keys", jwks_of({key.jwk(R"("kid":"newer")")}));
  EXPECT_EQ(id_of(keys, "ES256"), "old");
  EXPECT_TRUE(keys.refresh());
  EXPECT_EQ(id_of(keys, "ES256"), "newer");
  EXPECT_FALSE(keys.refresh());
  EXPECT_TRUE(keys.reload()) << "it is read whether it has changed or not";
}

TEST_F(KeySetTest, AFileThatWentBadKeepsTheKeysFromBefore) {
  const SigningKey key = SigningKey::ec();
  KeySet keys = open(KeyFileKind::kJwks, jwks_of({key.jwk(R"("kid":"old")")})).value();
  folder_.write("keys", "{\"keys\":[");
  EXPECT_FALSE(keys.refresh());
  EXPECT_FALSE(keys.reload());
  EXPECT_EQ(id_of(keys, "ES256"), "old");
  std::filesystem::remove(folder_.path("keys"));
  EXPECT_FALSE(keys.refresh());
  EXPECT_FALSE(keys.reload());
  EXPECT_EQ(id_of(keys, "ES256"), "old");
  folder_.write("keys", jwks_of({key.jwk(R"("kid":"mended")")}));
  EXPECT_TRUE(keys.refresh());
  EXPECT_EQ(id_of(keys, "ES256"), "mended");
}

TEST_F(KeySetTest, APipeInPlaceOfTheFileIsNotWaitedFor) {
  KeySet keys = open(KeyFileKind::kJwks, jwks_of({SigningKey::ec().jwk("")})).value();
  std::filesystem::remove(folder_.path("keys"));
  ASSERT_EQ(mkfifo(folder_.path("keys").c_str(), 0600), 0);
  EXPECT_FALSE(keys.refresh());
  EXPECT_FALSE(keys.reload());
  EXPECT_EQ(id_of(keys, "ES256"), "");
}

TEST_F(KeySetTest, ASecretIsNotReadAgain) {
  KeySet keys = open(KeyFileKind::kSecret, std::string(32, 's')).value();
  folder_.write("keys", std::string(40, 't'));
  EXPECT_FALSE(keys.refresh());
  EXPECT_FALSE(keys.reload());
  EXPECT_EQ(keys.secret(), std::string(32, 's'));
}

}  // namespace
}  // namespace progressd

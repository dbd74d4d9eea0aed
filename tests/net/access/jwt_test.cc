#include "net/access/jwt.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/core/testing.h"
#include "tests/net/access/temp_folder.h"
#include "tests/net/access/tokens.h"

namespace progressd {
namespace {

using testing::hs256_token;
using testing::jwks_of;
using testing::SigningKey;
using testing::TempFolder;

constexpr std::int64_t kNow = 1'795'218'125;
const std::string kSecret(32, 's');

class TokenVerifierTest : public ::testing::Test {
 protected:
  TokenVerifier with_secret(TokenRules rules = {}) {
    return {KeySet::open(KeyFileKind::kSecret, folder_.write("secret", kSecret)).value(),
            std::move(rules)};
  }
  TokenVerifier with_key(const SigningKey& key) {
    return {KeySet::open(KeyFileKind::kPublicKey, folder_.write("key", key.public_pem())).value(),
            {}};
  }
  void write_jwks(const std::vector<std::string>& jwks) { folder_.write("jwks", jwks_of(jwks)); }
  TokenVerifier with_jwks(const std::vector<std::string>& jwks) {
    write_jwks(jwks);
    return {KeySet::open(KeyFileKind::kJwks, folder_.path("jwks")).value(), {}};
  }

  /// What is said of a token with these claims that is refused; "" when it is not.
  std::string fault_of_claims(std::string_view claims, const TokenRules& rules = {},
                              std::int64_t now = kNow) {
    return fault(with_secret(rules).verify(hs256_token(kSecret, claims), now));
  }
  static std::string fault(const Result<Caller>& caller) {
    if (caller) return "";
    EXPECT_EQ(caller.error().code, Errc::kUnauthorized);
    return caller.error().detail;
  }
  Caller caller_of_claims(std::string_view claims) {
    return with_secret().verify(hs256_token(kSecret, claims), kNow).value();
  }

  const TempFolder folder_;
};

TEST_F(TokenVerifierTest, TakesATokenOfEachKindOfKey) {
  const Caller ann{.user = "ann", .expires_at = kNow + 60 + 30, .authenticated = true};
  const std::string claims = fmt::format(R"({{"sub":"ann","exp":{}}})", kNow + 60);
  EXPECT_EQ(with_secret().verify(hs256_token(kSecret, claims), kNow), ann);
  for (const SigningKey& key : {SigningKey::rsa(), SigningKey::ec()}) {
    EXPECT_EQ(with_key(key).verify(key.token(claims), kNow), ann);
    EXPECT_EQ(with_key(key).verify(key.token(claims, "any kid"), kNow), ann);
    EXPECT_EQ(with_jwks({key.jwk(R"("kid":"a")")}).verify(key.token(claims, "a"), kNow), ann);
    EXPECT_EQ(with_jwks({key.jwk("")}).verify(key.token(claims), kNow), ann);
  }
}

TEST_F(TokenVerifierTest, ScopesAreWordsOfAStringOrStringsOfAnArray) {
  struct Case {
    std::string_view scope;
    bool reports, administers;
  };
  for (const Case& one : std::vector<Case>{
           {R"("")", false, false},
           {R"("jobs:report")", true, false},
           {R"("openid jobs:admin email")", false, true},
           {R"("  jobs:report  jobs:admin ")", true, true},
           {R"("jobs:reports jobs:adm Jobs:admin xjobs:admin jobs:report,jobs:admin")", false,
            false},
           {R"([])", false, false},
           {R"(["jobs:report","openid"])", true, false},
           {R"(["openid jobs:admin"])", false, true},
           {R"(null)", false, false}}) {
    const Caller caller = caller_of_claims(fmt::format(R"({{"sub":"ann","scope":{}}})", one.scope));
    EXPECT_EQ(caller.reports, one.reports) << one.scope;
    EXPECT_EQ(caller.administers, one.administers) << one.scope;
  }
  for (const std::string_view scope : {"7", "{}", "true", "[1]", R"([["jobs:admin"]])"}) {
    EXPECT_NE(fault_of_claims(fmt::format(R"({{"sub":"ann","scope":{}}})", scope)), "") << scope;
  }
}

TEST_F(TokenVerifierTest, TheUserIsTheSub) {
  EXPECT_EQ(caller_of_claims(R"({"sub":"auth0|5f\u00e9 \"x\""})").user, "auth0|5fé \"x\"");
  const std::string longest(256, 'u');
  EXPECT_EQ(caller_of_claims(R"({"sub":")" + longest + "\"}").user, longest);
  for (const std::string& claims :
       {std::string("{}"), std::string(R"({"sub":""})"), std::string(R"({"sub":null})"),
        R"({"sub":")" + longest + "u\"}"}) {
    EXPECT_EQ(fault_of_claims(claims), "the token's sub must be 1 to 256 bytes") << claims;
  }
  for (const std::string_view claims :
       {R"({"sub":7})", R"({"sub":["ann"]})", "{\"sub\":\"\xff\"}", "{\"sub\":\"\xc3\"}",
        R"({"sub":"\ud800"})", R"({"sub":"a\u0000b"})", R"(["sub","ann"])", R"("ann")", "{"}) {
    EXPECT_NE(fault_of_claims(claims), "") << claims;
  }
}

TEST_F(TokenVerifierTest, NobodysNameIsNoUsers) {
  EXPECT_NE(fault_of_claims(R"({"sub":"anonymous"})").find("anonymous"), std::string::npos);
  EXPECT_NE(fault_of_claims(R"({"sub":"anonymous","scope":"jobs:admin"})"), "");
  for (const std::string_view user : {"Anonymous", "anonymous ", "anonymous1", "me"}) {
    EXPECT_EQ(caller_of_claims(fmt::format(R"({{"sub":"{}"}})", user)).user, user);
  }
}

TEST_F(TokenVerifierTest, ATokenIsGoodUntilHalfAMinuteBehindItsExp) {
  const auto fault_at = [&](std::string_view exp, std::int64_t now) {
    return fault_of_claims(fmt::format(R"({{"sub":"ann","exp":{}}})", exp), {}, now);
  };
  constexpr std::string_view kExpired = "the token has expired";
  EXPECT_EQ(fault_at("1000", 1029), "");
  EXPECT_EQ(fault_at("1000", 1030), kExpired);
  EXPECT_EQ(fault_at("1e3", 1029), "");
  EXPECT_EQ(fault_at("1000.9", 1029), "");
  EXPECT_EQ(fault_at("1000.9", 1030), kExpired);
  EXPECT_EQ(fault_at("1e300", kNow), "");
  EXPECT_EQ(fault_at("0", kNow), kExpired) << "0 is a time, and not `never`";
  EXPECT_EQ(fault_at("-1e300", kNow), kExpired);
  for (const std::string_view exp : {R"("1000")", "true", "{}", "[1000]", "1e999"}) {
    EXPECT_NE(fault_at(exp, 0), "") << exp;
  }
  EXPECT_EQ(caller_of_claims(R"({"sub":"ann"})").expires_at, 0);
  EXPECT_EQ(caller_of_claims(R"({"sub":"ann","exp":1e300})").expires_at, 253'402'300'829);
}

TEST_F(TokenVerifierTest, ATokenIsGoodFromHalfAMinuteBeforeItsNbf) {
  const auto fault_at = [&](std::string_view nbf, std::int64_t now) {
    return fault_of_claims(fmt::format(R"({{"sub":"ann","nbf":{}}})", nbf), {}, now);
  };
  EXPECT_EQ(fault_at("1000", 970), "");
  EXPECT_EQ(fault_at("1000", 969), "the token is not valid yet");
  EXPECT_EQ(fault_at("1000.1", 970), "the token is not valid yet");
  EXPECT_NE(fault_at(R"("1000")", kNow), "");
}

TEST_F(TokenVerifierTest, AnExpMayBeRequired) {
  const TokenRules rules{.audience = {}, .issuer = {}, .exp_required = true};
  EXPECT_EQ(fault_of_claims(R"({"sub":"ann"})", rules), "the token needs an exp");
  EXPECT_EQ(fault_of_claims(R"({"sub":"ann","exp":null})", rules), "the token needs an exp");
  EXPECT_EQ(fault_of_claims(R"({"sub":"ann","exp":1e10})", rules), "");
}

TEST_F(TokenVerifierTest, TheAudienceMustNameThisServerWhereThatIsAsked) {
  const TokenRules rules{.audience = "progress", .issuer = {}, .exp_required = false};
  for (const std::string_view aud : {R"("progress")", R"(["a","progress"])"}) {
    EXPECT_EQ(fault_of_claims(fmt::format(R"({{"sub":"ann","aud":{}}})", aud), rules), "");
  }
  for (const std::string_view aud :
       {R"("progres")", R"("progress ")", R"("a progress")", R"([])", R"(["a"])", "null"}) {
    EXPECT_EQ(fault_of_claims(fmt::format(R"({{"sub":"ann","aud":{}}})", aud), rules),
              "the token's aud does not name this server")
        << aud;
    EXPECT_EQ(fault_of_claims(fmt::format(R"({{"sub":"ann","aud":{}}})", aud)), "");
  }
  EXPECT_NE(fault_of_claims(R"({"sub":"ann"})", rules), "");
}

TEST_F(TokenVerifierTest, TheIssuerMustBeTheOneThatIsAskedFor) {
  const TokenRules rules{.audience = {}, .issuer = "https://id.example/", .exp_required = false};
  EXPECT_EQ(fault_of_claims(R"({"sub":"ann","iss":"https://id.example/"})", rules), "");
  for (const std::string_view claims :
       {R"({"sub":"ann"})", R"({"sub":"ann","iss":"https://id.example"})",
        R"({"sub":"ann","iss":["https://id.example/"]})"}) {
    EXPECT_NE(fault_of_claims(claims, rules), "") << claims;
  }
  EXPECT_EQ(fault_of_claims(R"({"sub":"ann","iss":"https://other.example/"})"), "");
}

TEST_F(TokenVerifierTest, TheKeyAndNotTheTokenChoosesTheAlgorithm) {
  constexpr std::string_view kAdmin = R"({"sub":"eve","scope":"jobs:admin"})";
  for (const SigningKey& key : {SigningKey::rsa(), SigningKey::ec()}) {
    TokenVerifier verifier = with_key(key);
    TokenVerifier of_set = with_jwks({key.jwk(R"("kid":"a")")});
    for (const std::string_view header :
         {R"({"alg":"HS256"})", R"({"alg":"HS256","kid":"a"})", R"({"alg":"RS256","alg":"HS256"})",
          R"({"alg":"HS256","alg":"RS256"})", R"({"alg":"HS256","alg":"ES256"})"}) {
      const std::string forged = hs256_token(key.public_pem(), kAdmin, header);
      EXPECT_NE(fault(verifier.verify(forged, kNow)), "") << header;
      EXPECT_NE(fault(of_set.verify(forged, kNow)), "") << header;
    }
    for (const std::string_view header :
         {R"({"alg":"RS384"})", R"({"alg":"RS512"})", R"({"alg":"PS256"})", R"({"alg":"ES384"})"}) {
      EXPECT_NE(fault(verifier.verify(key.token_with_header(header, kAdmin), kNow)), "") << header;
    }
  }
  TokenVerifier verifier = with_secret();
  for (const std::string_view header :
       {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"HS384"})", R"({"alg":"hs256"})",
        R"({"alg":"RS256"})", R"({"alg":""})", R"({"alg":null})", R"({"alg":7})", R"({})",
        R"({"alg":["HS256"]})", R"({"ALG":"HS256"})"}) {
    EXPECT_NE(fault(verifier.verify(hs256_token(kSecret, kAdmin, header), kNow)), "") << header;
    const std::string bare = testing::unsigned_token(header, kAdmin) + ".";
    EXPECT_NE(fault(verifier.verify(bare, kNow)), "") << header;
  }
}

TEST_F(TokenVerifierTest, AHeaderThatAsksForMoreIsRefused) {
  TokenVerifier verifier = with_secret();
  const auto fault_of_header = [&](std::string_view header) {
    return fault(verifier.verify(hs256_token(kSecret, R"({"sub":"ann"})", header), kNow));
  };
  EXPECT_EQ(fault_of_header(R"({"alg":"HS256"})"), "");
  EXPECT_EQ(fault_of_header(R"({"typ":"jwt","alg":"HS256","jku":"http://evil.example/"})"), "");
  EXPECT_NE(fault_of_header(R"({"alg":"HS256","crit":["exp"]})").find("crit"), std::string::npos);
  EXPECT_NE(fault_of_header(R"({"alg":"HS256","typ":"JWE"})").find("typ"), std::string::npos);
  EXPECT_NE(fault_of_header(R"({"alg":"HS256","kid":7})").find("kid"), std::string::npos);
}

TEST_F(TokenVerifierTest, WhatIsNoTokenIsRefused) {
  TokenVerifier verifier = with_secret();
  const std::string good = hs256_token(kSecret, R"({"sub":"ann"})");
  ASSERT_EQ(fault(verifier.verify(good, kNow)), "");
  const std::string_view signature = std::string_view(good).substr(good.rfind('.') + 1);
  for (const std::string& token :
       {std::string(), std::string("."), std::string(".."), std::string("a.b.c"), good + ".",
        "." + good, good + "=", good + "\n", " " + good, good.substr(0, good.rfind('.')),
        good.substr(0, good.rfind('.') + 1), good.substr(1), good + "A",
        good + std::string(1, '\0'), "e30.e30." + std::string(signature),
        good.substr(0, good.size() - 1)}) {
    EXPECT_NE(fault(verifier.verify(token, kNow)), "") << token;
  }
}

TEST_F(TokenVerifierTest, ATokenHasItsBound) {
  const auto padded_to = [](std::size_t bytes) {
    // Four more digits carry three more bytes, so try until it fits.
    for (std::size_t padding = 0;; ++padding) {
      std::string token = hs256_token(
          kSecret, fmt::format(R"({{"sub":"ann","pad":"{}"}})", std::string(padding, 'p')));
      if (token.size() >= bytes) return token;
    }
  };
  const std::string largest = padded_to(kTokenBytesMax - 1);
  ASSERT_LE(largest.size(), kTokenBytesMax);
  EXPECT_EQ(fault(with_secret().verify(largest, kNow)), "");
  EXPECT_EQ(fault(with_secret().verify(padded_to(kTokenBytesMax + 1), kNow)),
            "the token takes more than 8192 bytes");
}

TEST_F(TokenVerifierTest, ARememberedTokenExpiresInTime) {
  TokenVerifier verifier = with_secret();
  const std::string token =
      hs256_token(kSecret, fmt::format(R"({{"sub":"ann","exp":{}}})", kNow - 10));
  EXPECT_EQ(fault(verifier.verify(token, kNow)), "");
  EXPECT_EQ(fault(verifier.verify(token, kNow + 19)), "");
  EXPECT_EQ(fault(verifier.verify(token, kNow + 20)), "the token has expired");
}

TEST_F(TokenVerifierTest, AnUnknownKidIsLookedForInTheFileOnceASecond) {
  const SigningKey old_key = SigningKey::ec(), new_key = SigningKey::ec();
  TokenVerifier verifier = with_jwks({old_key.jwk(R"("kid":"old")")});
  const std::string token = new_key.token(R"({"sub":"ann"})", "newer");
  EXPECT_EQ(fault(verifier.verify(token, kNow)), "no key here has the token's kid");
  write_jwks({old_key.jwk(R"("kid":"old")"), new_key.jwk(R"("kid":"newer")")});
  EXPECT_EQ(fault(verifier.verify(token, kNow)), "no key here has the token's kid");
  EXPECT_EQ(fault(verifier.verify(token, kNow + 1)), "");
  EXPECT_EQ(fault(verifier.verify(old_key.token(R"({"sub":"ann"})", "old"), kNow + 1)), "");
}

TEST_F(TokenVerifierTest, AKeyThatIsTakenOutIsGoneForItsTokensToo) {
  const SigningKey old_key = SigningKey::ec(), new_key = SigningKey::ec();
  TokenVerifier verifier = with_jwks({old_key.jwk(R"("kid":"old")")});
  const std::string token = old_key.token(R"({"sub":"ann"})", "old");
  ASSERT_EQ(fault(verifier.verify(token, kNow)), "");
  write_jwks({new_key.jwk(R"("kid":"newer")")});
  EXPECT_EQ(fault(verifier.verify(token, kNow)), "") << "the file is looked at once a second";
  EXPECT_EQ(fault(verifier.verify(token, kNow + 1)), "no key here has the token's kid");
}

TEST_F(TokenVerifierTest, TellsOnceThatAKeyWasTakenOut) {
  const SigningKey old_key = SigningKey::ec(), new_key = SigningKey::ec();
  TokenVerifier verifier = with_jwks({old_key.jwk(R"("kid":"old")")});
  EXPECT_FALSE(verifier.take_loss(kNow));
  write_jwks({old_key.jwk(R"("kid":"old")"), new_key.jwk(R"("kid":"newer")")});
  EXPECT_FALSE(verifier.take_loss(kNow + 1)) << "one more takes nothing away";
  write_jwks({new_key.jwk(R"("kid":"newer")")});
  // Who asks first need not be who is told.
  EXPECT_NE(fault(verifier.verify(old_key.token(R"({"sub":"ann"})", "old"), kNow + 2)), "");
  EXPECT_TRUE(verifier.take_loss(kNow + 2));
  EXPECT_FALSE(verifier.take_loss(kNow + 3));
}

TEST_F(TokenVerifierTest, ReloadTakesKeysOutAtOnce) {
  const SigningKey old_key = SigningKey::ec(), new_key = SigningKey::ec();
  TokenVerifier verifier = with_jwks({old_key.jwk(R"("kid":"old")")});
  const std::string token = old_key.token(R"({"sub":"ann"})", "old");
  ASSERT_EQ(fault(verifier.verify(token, kNow)), "");
  write_jwks({new_key.jwk(R"("kid":"newer")")});
  verifier.reload();
  EXPECT_EQ(fault(verifier.verify(token, kNow)), "no key here has the token's kid");
  EXPECT_EQ(fault(verifier.verify(new_key.token(R"({"sub":"ann"})"), kNow)), "");
}

TEST_F(TokenVerifierTest, AKeySetThatWentBadKeepsItsKeys) {
  const SigningKey key = SigningKey::ec();
  TokenVerifier verifier = with_jwks({key.jwk(R"("kid":"old")")});
  folder_.write("jwks", "<html>502 Bad Gateway</html>");
  verifier.reload();
  EXPECT_EQ(fault(verifier.verify(key.token(R"({"sub":"ann"})", "old"), kNow)), "");
}

}  // namespace
}  // namespace progressd

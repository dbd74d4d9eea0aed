// What it costs the loop to know who asks: a token whose signature is checked, one that is
// remembered, and one that is refused.
#include <benchmark/benchmark.h>

#include "net/access/jwt.h"
#include "tests/net/access/temp_folder.h"
#include "tests/net/access/tokens.h"

namespace progressd {
namespace {

using testing::SigningKey;
using testing::TempFolder;

constexpr std::int64_t kNow = 1'795'218'125;
constexpr std::string_view kClaims =
    R"({"iss":"https://id.example/","sub":"auth0|5f7c8ec7c33c6c004bbafe82","aud":["progress"],)"
    R"("iat":1795218000,"exp":1795221600,"scope":"openid profile jobs:report"})";

enum class Kind { kHs256, kRs256, kEs256 };

struct Issuer {
  explicit Issuer(Kind kind) {
    const std::string secret(32, 's');
    if (kind == Kind::kHs256) {
      folder.write("key", secret);
      token = testing::hs256_token(secret, kClaims);
    } else {
      const SigningKey key = kind == Kind::kRs256 ? SigningKey::rsa() : SigningKey::ec();
      folder.write("key", key.public_pem());
      token = key.token(kClaims);
    }
    file_kind = kind == Kind::kHs256 ? KeyFileKind::kSecret : KeyFileKind::kPublicKey;
  }
  TokenVerifier verifier() const {
    return {KeySet::open(file_kind, folder.path("key")).value(), {}};
  }

  TempFolder folder;
  KeyFileKind file_kind;
  std::string token;
};

/// Each at another time, further apart than a token is remembered.
void checked(benchmark::State& state, Kind kind) {
  const Issuer issuer(kind);
  TokenVerifier verifier = issuer.verifier();
  std::int64_t now = kNow;
  for (auto _ : state) {
    const Result<Caller> caller = verifier.verify(issuer.token, now);
    if (!caller) return state.SkipWithError(caller.error().detail.c_str());
    now = now == kNow ? kNow - TokenCache::kKeptSeconds : kNow;
  }
}
void remembered(benchmark::State& state, Kind kind) {
  const Issuer issuer(kind);
  TokenVerifier verifier = issuer.verifier();
  for (auto _ : state) {
    const Result<Caller> caller = verifier.verify(issuer.token, kNow);
    if (!caller) return state.SkipWithError(caller.error().detail.c_str());
  }
}
void forged(benchmark::State& state, Kind kind) {
  const Issuer issuer(kind);
  TokenVerifier verifier = issuer.verifier();
  std::string token = issuer.token;
  const std::size_t at = token.rfind('.') + 8;
  token[at] = token[at] == 'A' ? 'B' : 'A';
  for (auto _ : state) {
    if (verifier.verify(token, kNow)) return state.SkipWithError("it was taken");
  }
}

BENCHMARK_CAPTURE(checked, hs256, Kind::kHs256);
BENCHMARK_CAPTURE(checked, rs256, Kind::kRs256);
BENCHMARK_CAPTURE(checked, es256, Kind::kEs256);
BENCHMARK_CAPTURE(remembered, rs256, Kind::kRs256);
BENCHMARK_CAPTURE(forged, hs256, Kind::kHs256);
BENCHMARK_CAPTURE(forged, rs256, Kind::kRs256);
BENCHMARK_CAPTURE(forged, es256, Kind::kEs256);

}  // namespace
}  // namespace progressd

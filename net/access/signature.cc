#include "net/access/signature.h"

#include <jwt.h>

#include <array>
#include <cstdlib>
#include <memory>

namespace progressd {
namespace {

jwt_alg_t libjwt_algorithm(Algorithm algorithm) {
  constexpr std::array kAlgorithms{JWT_ALG_HS256, JWT_ALG_RS256, JWT_ALG_ES256};
  return kAlgorithms[static_cast<std::size_t>(algorithm)];
}

struct JwtFreed {
  void operator()(jwt_t* jwt) const { jwt_free(jwt); }
  void operator()(char* text) const { std::free(text); }
};

}  // namespace

std::string_view algorithm_name(Algorithm algorithm) {
  constexpr std::array<std::string_view, 3> kNames{"HS256", "RS256", "ES256"};
  return kNames[static_cast<std::size_t>(algorithm)];
}

Result<std::string> signed_claims(const std::string& token, const VerificationKey& key) {
  jwt_t* decoded = nullptr;
  const int error =
      jwt_decode(&decoded, token.c_str(), reinterpret_cast<const unsigned char*>(key.bytes.data()),
                 static_cast<int>(key.bytes.size()));
  const std::unique_ptr<jwt_t, JwtFreed> jwt(decoded);
  if (error != 0 || jwt_get_alg(jwt.get()) != libjwt_algorithm(key.algorithm)) {
    return fail(Errc::kUnauthorized, "the token's signature is not by a key that is known here");
  }
  const std::unique_ptr<char, JwtFreed> claims(jwt_get_grants_json(jwt.get(), nullptr));
  if (claims == nullptr) return fail(Errc::kUnauthorized, "the token's claims are not readable");
  return std::string(claims.get());
}

}  // namespace progressd

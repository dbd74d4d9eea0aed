#include "net/access/jwks.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "core/base/base64url.h"
#include "core/base/json_read.h"
#include "net/access/public_key.h"

namespace progressd {
namespace {

constexpr std::size_t kJwkBytesMax = 16 * 1024;

struct Jwk {
  std::string kty, use, alg, kid, crv, n, e, x, y;
  bool verifies = true;  // `key_ops` has it, or is not given
};

constexpr std::array<std::pair<std::string_view, std::string Jwk::*>, 9> kMembers{
    {{"kty", &Jwk::kty},
     {"use", &Jwk::use},
     {"alg", &Jwk::alg},
     {"kid", &Jwk::kid},
     {"crv", &Jwk::crv},
     {"n", &Jwk::n},
     {"e", &Jwk::e},
     {"x", &Jwk::x},
     {"y", &Jwk::y}}};

Result<void> read_member(Jwk& jwk, std::string_view name, JsonValue& value) {
  for (const auto& [known, member] : kMembers) {
    if (known != name) continue;
    return value.string(name, kJwkBytesMax).map([&, to = member](std::string_view text) {
      jwk.*to = text;
    });
  }
  if (name != "key_ops") return {};
  jwk.verifies = false;
  return value.elements(name, [&](JsonValue& element) {
    return element.string(name, kJwkBytesMax).map([&](std::string_view operation) {
      jwk.verifies = jwk.verifies || operation == "verify";
    });
  });
}

Result<VerificationKey> key_of(const Jwk& jwk) {
  const auto first = base64url_decoded(jwk.kty == "EC" ? jwk.x : jwk.n);
  const auto second = base64url_decoded(jwk.kty == "EC" ? jwk.y : jwk.e);
  if (!first || !second) return fail(Errc::kInvalid, "the key's numbers are not base64url");
  if (jwk.kty == "RSA") return rsa_key(*first, *second);
  if (jwk.kty == "EC" && jwk.crv == "P-256") return p256_key(*first, *second);
  return fail(Errc::kInvalid, "the key is neither RSA nor EC on P-256");
}

/// None, when it is for something else or broken.
std::optional<VerificationKey> usable_key(JsonReader& reader, const std::string& text) {
  Jwk jwk;
  const Result<void> read = reader.read_copied_object(
      text, [&](std::string_view name, JsonValue& value) { return read_member(jwk, name, value); });
  if (!read || !jwk.verifies || (!jwk.use.empty() && jwk.use != "sig")) return std::nullopt;
  Result<VerificationKey> key = key_of(jwk);
  if (!key || (!jwk.alg.empty() && jwk.alg != algorithm_name(key->algorithm))) return std::nullopt;
  key->id = std::move(jwk.kid);
  return std::move(*key);
}

}  // namespace

Result<Jwks> read_jwks(std::string_view text) {
  JsonReader reader;
  JsonReader key_reader;
  Jwks jwks;
  bool has_list = false;
  const auto read_key = [&](JsonValue& element) -> Result<void> {
    const Result<std::string> jwk = element.json("keys", kJwkBytesMax);
    if (!jwk) return tl::unexpected(jwk.error());
    std::optional<VerificationKey> key = usable_key(key_reader, *jwk);
    key ? jwks.keys.push_back(std::move(*key)) : static_cast<void>(++jwks.ignored);
    if (jwks.keys.size() + jwks.ignored > kJwksKeysMax) {
      return fail(Errc::kInvalid, fmt::format("keys: must be at most {}", kJwksKeysMax));
    }
    return {};
  };
  const Result<void> read =
      reader.read_copied_object(text, [&](std::string_view name, JsonValue& value) -> Result<void> {
        if (name != "keys") return {};
        has_list = true;
        return value.elements(name, read_key);
      });
  if (!read) {
    return fail(Errc::kInvalid, fmt::format("it is no JSON Web Key Set: {}", read.error().detail));
  }
  if (!has_list) return fail(Errc::kInvalid, "it is no JSON Web Key Set: keys is missing");
  if (jwks.keys.empty()) {
    return fail(
        Errc::kInvalid,
        fmt::format("of its {} keys none is an RSA or EC P-256 key for signatures", jwks.ignored));
  }
  return jwks;
}

}  // namespace progressd

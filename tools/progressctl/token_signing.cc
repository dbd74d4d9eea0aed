#include "tools/progressctl/token_signing.h"

#include <fmt/format.h>
#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "core/base/json_write.h"
#include "net/access/key_set.h"
#include "net/access/public_key.h"
#include "tools/progressctl/settings.h"

namespace progressd::ctl {
namespace {

struct Freed {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(jwt_t* jwt) const { jwt_free(jwt); }
  void operator()(char* text) const { std::free(text); }
};
template <class T>
using Owned = std::unique_ptr<T, Freed>;

std::string public_half(const EVP_PKEY* key) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_PUBKEY(bio.get(), key) != 1) return {};
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

std::string claims_json(const TokenClaims& claims) {
  JsonWriter out;
  out.begin_object();
  out.field("sub", claims.sub);
  if (!claims.scope.empty()) out.field("scope", claims.scope);
  if (!claims.audience.empty()) out.field("aud", claims.audience);
  if (!claims.issuer.empty()) out.field("iss", claims.issuer);
  out.field("iat", claims.issued_at);
  if (claims.expires_at) out.field("exp", *claims.expires_at);
  out.end_object();
  return std::string(out.view());
}

}  // namespace

Result<SigningKey> signing_secret(const std::string& path) {
  return KeySet::open(KeyFileKind::kSecret, path).map([](const KeySet& keys) {
    return SigningKey{Algorithm::kHs256, std::string(keys.secret())};
  });
}

Result<SigningKey> private_key(const std::string& path) {
  Result<std::string> pem = read_file(path, kKeyFileBytesMax);
  if (!pem) return tl::unexpected(pem.error());
  const Owned<BIO> bio(BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())));
  // Without a callback OpenSSL would ask for a passphrase on the terminal.
  const auto no_passphrase = [](char*, int, int, void*) noexcept { return -1; };
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (key == nullptr) {
    return fail(Errc::kInvalid,
                fmt::format("{}: there is no private key in PEM, without a passphrase", path));
  }
  return key_of_pem(public_half(key.get()))
      .map([&](const VerificationKey& half) {
        return SigningKey{half.algorithm, std::move(*pem)};
      })
      .map_error([&](const Error& error) {
        return Error{error.code, fmt::format("{}: {}", path, error.detail)};
      });
}

Result<std::string> signed_token(const SigningKey& key, const TokenClaims& claims) {
  constexpr std::array kAlgorithms{JWT_ALG_HS256, JWT_ALG_RS256, JWT_ALG_ES256};
  jwt_t* made = nullptr;
  const bool is_made = jwt_new(&made) == 0;
  const Owned<jwt_t> jwt(made);
  const bool is_ready =
      is_made && jwt_add_grants_json(jwt.get(), claims_json(claims).c_str()) == 0 &&
      (claims.kid.empty() || jwt_add_header(jwt.get(), "kid", claims.kid.c_str()) == 0) &&
      jwt_set_alg(jwt.get(), kAlgorithms[static_cast<std::size_t>(key.algorithm)],
                  reinterpret_cast<const unsigned char*>(key.bytes.data()),
                  static_cast<int>(key.bytes.size())) == 0;
  const Owned<char> token(is_ready ? jwt_encode_str(jwt.get()) : nullptr);
  if (token == nullptr) return fail(Errc::kUnavailable, "the token can't be signed with this key");
  return std::string(token.get());
}

}  // namespace progressd::ctl

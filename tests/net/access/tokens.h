// Keys and tokens as an issuer makes them, over OpenSSL, for tests and benches.
#pragma once

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/base64url.h"
#include "core/base/digest.h"
#include "core/base/ensure.h"

namespace progressd::testing {

/// A header and claims, both JSON, as the part of a token that is signed.
inline std::string unsigned_token(std::string_view header, std::string_view claims) {
  return base64url(header) + "." + base64url(claims);
}

inline std::string hs256_token(std::string_view secret, std::string_view claims,
                               std::string_view header = R"({"alg":"HS256","typ":"JWT"})") {
  const std::string text = unsigned_token(header, claims);
  return text + "." + base64url(view_of(hmac_sha256(secret, text)));
}

/// A private key of an issuer.
class SigningKey {
 public:
  static SigningKey rsa(std::size_t bits = 2048) {
    return SigningKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits), "RS256");
  }
  static SigningKey ec(const char* curve = "P-256") {
    return SigningKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve), "ES256");
  }

  std::string header(std::string_view kid = "") const {
    const std::string id = kid.empty() ? "" : fmt::format(R"(,"kid":"{}")", kid);
    return fmt::format(R"({{"alg":"{}"{}}})", algorithm_, id);
  }
  /// With the key's own `alg`, and this `kid` if any.
  std::string token(std::string_view claims, std::string_view kid = "") const {
    return token_with_header(header(kid), claims);
  }
  std::string token_with_header(std::string_view header, std::string_view claims) const {
    const std::string text = unsigned_token(header, claims);
    return text + "." + base64url(signature(text));
  }

  std::string public_pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    ENSURE(PEM_write_bio_PUBKEY(bio, key_.get()) == 1);
    return drained(bio);
  }
  std::string private_pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    ENSURE(PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    return drained(bio);
  }
  /// A JWK with these members besides its numbers: `"kid":"a","use":"sig"`.
  std::string jwk(std::string_view members) const {
    const std::string separated = members.empty() ? "" : fmt::format("{},", members);
    if (algorithm_ == "RS256") {
      return fmt::format(R"({{{}"kty":"RSA","n":"{}","e":"{}"}})", separated,
                         number(OSSL_PKEY_PARAM_RSA_N), number(OSSL_PKEY_PARAM_RSA_E));
    }
    return fmt::format(R"({{{}"kty":"EC","crv":"P-256","x":"{}","y":"{}"}})", separated,
                       number(OSSL_PKEY_PARAM_EC_PUB_X, 32), number(OSSL_PKEY_PARAM_EC_PUB_Y, 32));
  }

 private:
  SigningKey(EVP_PKEY* key, std::string_view algorithm)
      : key_(key, EVP_PKEY_free), algorithm_(algorithm) {
    ENSURE(key != nullptr);
  }

  static std::string drained(BIO* bio) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio, &bytes);
    std::string text(bytes, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
  }

  std::string number(const char* name, int bytes_min = 0) const {
    BIGNUM* value = nullptr;
    ENSURE(EVP_PKEY_get_bn_param(key_.get(), name, &value) == 1);
    std::string bytes(static_cast<std::size_t>(std::max(BN_num_bytes(value), bytes_min)), '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()),
                 static_cast<int>(bytes.size()));
    BN_free(value);
    return base64url(bytes);
  }

  std::string signature(std::string_view text) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    ENSURE(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_.get()) == 1);
    std::size_t size = 0;
    ENSURE(EVP_DigestSign(context, nullptr, &size, bytes, text.size()) == 1);
    std::string made(size, '\0');
    ENSURE(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(made.data()), &size, bytes,
                          text.size()) == 1);
    EVP_MD_CTX_free(context);
    made.resize(size);
    return algorithm_ == "RS256" ? made : raw_ecdsa(made);
  }

  /// RFC 7518, section 3.4: r and s, 32 bytes each, instead of DER.
  static std::string raw_ecdsa(const std::string& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* parts = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    const int bytes = std::max({32, BN_num_bytes(ECDSA_SIG_get0_r(parts)),
                                BN_num_bytes(ECDSA_SIG_get0_s(parts))});  // 32, but for P-384
    std::string raw(2 * static_cast<std::size_t>(bytes), '\0');
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(parts), out, bytes);
    BN_bn2binpad(ECDSA_SIG_get0_s(parts), out + bytes, bytes);
    ECDSA_SIG_free(parts);
    return raw;
  }

  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
  std::string algorithm_;
};

/// `{"keys":[…]}`
inline std::string jwks_of(const std::vector<std::string>& jwks) {
  return fmt::format(R"({{"keys":[{}]}})", fmt::join(jwks, ","));
}

}  // namespace progressd::testing

#include "net/access/public_key.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <array>
#include <memory>
#include <optional>

#include "core/base/ensure.h"

namespace progressd {
namespace {

constexpr std::size_t kCoordinateBytes = 32;  // of P-256
constexpr std::string_view kP256 = "prime256v1";

struct OpensslFreed {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
};
template <class T>
using Owned = std::unique_ptr<T, OpensslFreed>;

/// OpenSSL keeps what went wrong for whoever asks next on this thread; nobody should find our
/// share.
struct ErrorsForgotten {
  ~ErrorsForgotten() { ERR_clear_error(); }
};

tl::unexpected<Error> refuse_key(std::string why) { return fail(Errc::kInvalid, std::move(why)); }

std::string pem_of(EVP_PKEY* key) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  ENSURE(bio != nullptr);
  ENSURE(PEM_write_bio_PUBKEY(bio.get(), key) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

std::string group_of(const EVP_PKEY* key) {
  std::array<char, 64> name{};
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1) return {};
  return std::string(name.data(), size);
}

/// The algorithm that the key is for; none when it is for none of ours.
std::optional<Algorithm> algorithm_of(const EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (EVP_PKEY_is_a(key, "RSA") == 1 && bits >= kRsaBitsMin && bits <= kRsaBitsMax) {
    return Algorithm::kRs256;
  }
  if (EVP_PKEY_is_a(key, "EC") == 1 && group_of(key) == kP256) return Algorithm::kEs256;
  return std::nullopt;
}

Result<VerificationKey> checked(EVP_PKEY* key) {
  const std::optional<Algorithm> algorithm = algorithm_of(key);
  if (!algorithm) {
    return refuse_key(fmt::format("the key must be RSA with {} to {} bits, or EC on P-256",
                                  kRsaBitsMin, kRsaBitsMax));
  }
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (context == nullptr || EVP_PKEY_public_check(context.get()) != 1) {
    return refuse_key(std::string(kNoPublicKeyDetail));
  }
  return VerificationKey{*algorithm, pem_of(key), {}};
}

/// A key of this type out of its parameters.
Result<VerificationKey> built(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  ENSURE(parameters != nullptr);
  ENSURE(context != nullptr);
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    return refuse_key(std::string(kNoPublicKeyDetail));
  }
  return checked(Owned<EVP_PKEY>(key).get());
}

Owned<BIGNUM> number(std::string_view bytes) {
  Owned<BIGNUM> number(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                                 static_cast<int>(bytes.size()), nullptr));
  ENSURE(number != nullptr);
  return number;
}

}  // namespace

Result<VerificationKey> key_of_pem(std::string_view pem) {
  const ErrorsForgotten after_this;
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  ENSURE(bio != nullptr);
  const Owned<EVP_PKEY> key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  if (key == nullptr) return refuse_key("there is no -----BEGIN PUBLIC KEY----- that can be read");
  return checked(key.get());
}

Result<VerificationKey> rsa_key(std::string_view modulus, std::string_view exponent) {
  const ErrorsForgotten after_this;
  const Owned<BIGNUM> n = number(modulus);
  const Owned<BIGNUM> e = number(exponent);
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  ENSURE(builder != nullptr);
  ENSURE(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1);
  ENSURE(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1);
  return built("RSA", builder.get());
}

Result<VerificationKey> p256_key(std::string_view x, std::string_view y) {
  const ErrorsForgotten after_this;
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) {
    return refuse_key(fmt::format("the key's x and y must have {} bytes", kCoordinateBytes));
  }
  const std::string point = fmt::format("\x04{}{}", x, y);  // uncompressed: SEC 1, section 2.3.3
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  ENSURE(builder != nullptr);
  ENSURE(OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kP256.data(),
                                         kP256.size()) == 1);
  ENSURE(OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                          point.size()) == 1);
  return built("EC", builder.get());
}

}  // namespace progressd

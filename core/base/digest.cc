#include "core/base/digest.h"

#include <openssl/evp.h>

#include "core/base/ensure.h"

namespace progressd {

Digest sha256(std::string_view bytes) {
  Digest digest;
  unsigned size = 0;
  ENSURE(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  ENSURE(size == digest.size());
  return digest;
}

}  // namespace progressd

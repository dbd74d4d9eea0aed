// The keys that tokens are checked with, out of the one file that the operator names.
//
// A secret and a public key are read once, and when the operator asks for it. A JSON Web Key Set is
// read again when its file has changed, so that keys can be replaced while the server runs; a file
// that went bad is logged, and the keys that it held before stay in force.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "net/access/signature.h"

namespace progressd {

inline constexpr std::size_t kKeyFileBytesMax = 1024 * 1024;
inline constexpr std::size_t kSecretBytesMin = 32;  // RFC 7518, section 3.2

enum class KeyFileKind : std::uint8_t { kSecret, kPublicKey, kJwks };

class KeySet {
 public:
  /// Errors: kInvalid, with the path and what is wrong with the file.
  static Result<KeySet> open(KeyFileKind kind, const std::string& path);

  /// The key for a token whose header has this `alg`, and this `kid` if it has one. Good until the
  /// next refresh() or reload().
  /// Errors: kUnauthorized, when there is none, or not one only.
  Result<const VerificationKey*> find(std::string_view algorithm,
                                      const std::optional<std::string>& id) const;

  /// Reads a key set again if its file has changed. True when there are new keys.
  bool refresh();
  /// The same, changed or not.
  bool reload();
  /// From here on it is the other one, which the operator names now.
  void replace_by(KeySet other);
  /// True once after a key was taken out.
  bool take_loss() { return std::exchange(lost_a_key_, false); }

  /// The secret that tokens are signed with; empty when they are signed with a private key.
  std::string_view secret() const;

 private:
  /// Tells one state of a regular file from another; what is none, or is gone, is always the same.
  struct Version {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t bytes = -1;
    std::int64_t changed_ns = 0;
    bool operator==(const Version&) const = default;
  };
  struct File;

  KeySet() = default;
  static Result<File> read(const std::string& path);
  static Version version_of(const std::string& path);

  KeyFileKind kind_ = KeyFileKind::kSecret;
  std::string path_;
  Version version_;  // of the file when it was looked at last
  std::vector<VerificationKey> keys_;
  bool lost_a_key_ = false;
};

}  // namespace progressd

#include "net/access/key_set.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "net/access/jwks.h"
#include "net/access/public_key.h"
#include "net/log.h"

namespace progressd {
namespace {

struct Closed {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

tl::unexpected<Error> refuse_file(const std::string& path, std::string_view why) {
  return fail(Errc::kInvalid, fmt::format("{}: {}", path, why));
}

tl::unexpected<Error> unauthorized(std::string why) {
  return fail(Errc::kUnauthorized, std::move(why));
}

Result<VerificationKey> secret_key(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(text.ends_with("\r\n") ? 2 : 1);
  if (text.size() < kSecretBytesMin) {
    return fail(Errc::kInvalid, fmt::format("the secret must have at least {} bytes, it has {}",
                                            kSecretBytesMin, text.size()));
  }
  // Whoever knows a public key could sign with it, if it were taken for a secret.
  if (text.starts_with("-----BEGIN ")) {
    return fail(Errc::kInvalid, "this is a key in PEM and no secret: see --jwt-public-key");
  }
  return VerificationKey{Algorithm::kHs256, std::string(text), {}};
}

Result<std::vector<VerificationKey>> keys_of(KeyFileKind kind, std::string_view text) {
  const auto alone = [](VerificationKey key) { return std::vector{std::move(key)}; };
  if (kind == KeyFileKind::kSecret) return secret_key(text).map(alone);
  if (kind == KeyFileKind::kPublicKey) return key_of_pem(text).map(alone);
  return read_jwks(text).map([](Jwks jwks) { return std::move(jwks.keys); });
}

}  // namespace

struct KeySet::File {
  std::string text;
  Version version;
};

KeySet::Version KeySet::version_of(const std::string& path) {
  struct stat state {};
  if (::stat(path.c_str(), &state) != 0 || !S_ISREG(state.st_mode)) return {};
  return {state.st_dev, state.st_ino, state.st_size,
          state.st_mtim.tv_sec * std::int64_t{1'000'000'000} + state.st_mtim.tv_nsec};
}

Result<KeySet::File> KeySet::read(const std::string& path) {
  // Looked at before it is read: what is written meanwhile is then a change.
  File file{{}, version_of(path)};
  const std::unique_ptr<std::FILE, Closed> stream(std::fopen(path.c_str(), "rbe"));
  if (stream == nullptr) return refuse_file(path, std::strerror(errno));
  file.text.resize(kKeyFileBytesMax + 1);
  file.text.resize(std::fread(file.text.data(), 1, file.text.size(), stream.get()));
  if (std::ferror(stream.get()) != 0) return refuse_file(path, std::strerror(errno));
  if (file.text.size() > kKeyFileBytesMax) {
    return refuse_file(path, fmt::format("is larger than {} bytes", kKeyFileBytesMax));
  }
  return file;
}

Result<KeySet> KeySet::open(KeyFileKind kind, const std::string& path) {
  const Result<File> file = read(path);
  if (!file) return tl::unexpected(file.error());
  Result<std::vector<VerificationKey>> keys = keys_of(kind, file->text);
  if (!keys) return refuse_file(path, keys.error().detail);
  KeySet set;
  set.kind_ = kind;
  set.path_ = path;
  set.version_ = file->version;
  set.keys_ = std::move(*keys);
  return set;
}

bool KeySet::refresh() {
  return kind_ == KeyFileKind::kJwks && version_of(path_) != version_ && reload();
}

bool KeySet::reload() {
  if (kind_ != KeyFileKind::kJwks) return false;
  version_ = version_of(path_);  // a bad one is not read, and logged, again and again
  // Opening a pipe could wait for ever.
  Result<KeySet> read_again = version_ == Version()
                                  ? refuse_file(path_, "is gone, or no regular file")
                                  : open(kind_, path_);
  if (!read_again) {
    log::warn("{}; the keys from before stay in force", read_again.error().detail);
    return false;
  }
  replace_by(std::move(*read_again));
  log::info("{}: read again, {} keys", path_, keys_.size());
  return true;
}

void KeySet::replace_by(KeySet other) {
  // Only in a set does a token's kid count: the same key in another kind of file is another one.
  other.lost_a_key_ =
      lost_a_key_ || kind_ != other.kind_ ||
      std::any_of(keys_.begin(), keys_.end(), [&](const VerificationKey& key) {
        return std::find(other.keys_.begin(), other.keys_.end(), key) == other.keys_.end();
      });
  *this = std::move(other);
}

std::string_view KeySet::secret() const {
  return kind_ == KeyFileKind::kSecret ? std::string_view(keys_.front().bytes) : std::string_view();
}

Result<const VerificationKey*> KeySet::find(std::string_view algorithm,
                                            const std::optional<std::string>& id) const {
  const VerificationKey* found = nullptr;
  bool other_algorithm = false;
  for (const VerificationKey& key : keys_) {
    // Only in a set are keys told apart by their ids.
    if (kind_ == KeyFileKind::kJwks && id && key.id != *id) continue;
    if (algorithm_name(key.algorithm) != algorithm) {
      other_algorithm = true;
    } else if (found == nullptr) {
      found = &key;
    } else if (!id) {
      return unauthorized("the token needs a kid: several keys are for its alg");
    }
  }
  if (found != nullptr) return found;
  if (!other_algorithm) return unauthorized("no key here has the token's kid");
  if (kind_ == KeyFileKind::kJwks) return unauthorized("no key here is for the token's alg");
  return unauthorized(
      fmt::format("the token's alg must be {}", algorithm_name(keys_.front().algorithm)));
}

}  // namespace progressd

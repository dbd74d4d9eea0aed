// Key sets come from files: here is one for as long as it takes to read it.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/ensure.h"
#include "net/access/key_set.h"

namespace progressd::fuzz {

/// The token secret of every target, so that seeds can hold tokens.
inline constexpr std::string_view kSecret = "a secret of the fuzz targets: 32+";

inline Result<KeySet> key_set_of(KeyFileKind kind, std::string_view text) {
  std::string path = std::filesystem::temp_directory_path() / "progressd-fuzz-XXXXXX";
  const int fd = mkstemp(path.data());
  ENSURE(fd >= 0);
  ENSURE(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  close(fd);
  Result<KeySet> keys = KeySet::open(kind, path);
  std::remove(path.c_str());
  return keys;
}

inline KeySet secret_keys() {
  Result<KeySet> keys = key_set_of(KeyFileKind::kSecret, kSecret);
  ENSURE(keys.has_value());
  return std::move(*keys);
}

}  // namespace progressd::fuzz

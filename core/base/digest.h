// SHA-256: for comparing what is too long to keep, and with a key, for telling one's own from
// others'.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace progressd {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(std::string_view bytes);

/// Source: RFC 2104.
Digest hmac_sha256(std::string_view key, std::string_view bytes);

/// Whether they are equal, in a time that does not tell where they differ.
bool equals_in_constant_time(std::string_view a, std::string_view b);

/// Its bytes; good as long as `digest` is.
inline std::string_view view_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace progressd

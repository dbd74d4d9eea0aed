// SHA-256, for comparing bodies that are too long to keep.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace progressd {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(std::string_view bytes);

}  // namespace progressd

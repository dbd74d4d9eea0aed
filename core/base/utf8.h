// UTF-8 in what comes from URLs and headers, which may hold any bytes and is echoed in JSON.
#pragma once

#include <string>
#include <string_view>

namespace progressd {

bool is_utf8(std::string_view bytes);
/// `bytes` with U+FFFD for each byte that belongs to no character.
std::string to_utf8(std::string_view bytes);

/// Shape: UTF-8, but that a surrogate may be encoded as if it were a character. Whether one is.
bool has_surrogate(std::string_view text);

}  // namespace progressd

// UTF-8 in what comes from URLs and headers, which may hold any bytes and is echoed in JSON.
#pragma once

#include <string>
#include <string_view>

namespace progressd {

bool is_utf8(std::string_view bytes);
/// `bytes` with U+FFFD for each byte that belongs to no character.
std::string to_utf8(std::string_view bytes);

}  // namespace progressd

// Bytes as text that may stand in a URL: base64url without padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace progressd {

/// Source: RFC 4648, section 5; RFC 7515, section 2.
std::string base64url(std::string_view bytes);

/// None for what base64url() writes for no bytes at all: another digit, padding, a digit alone,
/// bits left over that are not zero.
std::optional<std::string> base64url_decoded(std::string_view text);

}  // namespace progressd

// Which coding a response may have, as its client asks for it.
// Source: RFC 9110, sections 12.4.2 (weights) and 12.5.3 (Accept-Encoding).
#pragma once

#include <string_view>

namespace progressd {

/// Whether to answer with gzip: the client names it, or `*`, and likes it no less than no coding at
/// all. `accept_encoding`: of all lines of the field, joined by commas; empty: it was not sent, or
/// takes nothing.
bool prefers_gzip(std::string_view accept_encoding);

}  // namespace progressd

// Appends several parts to a string as one: on the hot path, where each append() would look at the
// string's room, and call for a copy of a few bytes.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace progressd {

namespace append_parts {

/// A literal: its size is known to the compiler, which copies it by instructions of its own.
template <std::size_t kSize>
constexpr std::string_view view(const char (&literal)[kSize]) {
  return {literal, kSize - 1};
}
constexpr std::string_view view(std::string_view text) { return text; }

}  // namespace append_parts

/// No part is of `out`.
template <class... Parts>
void append_all(std::string& out, const Parts&... parts) {
  const std::size_t size_before = out.size();
  out.resize(size_before + (append_parts::view(parts).size() + ...));
  char* to = out.data() + size_before;
  const auto put = [&to](std::string_view part) {
    if (part.empty()) return;  // it may have no address
    std::memcpy(to, part.data(), part.size());
    to += part.size();
  };
  (put(append_parts::view(parts)), ...);
}

}  // namespace progressd

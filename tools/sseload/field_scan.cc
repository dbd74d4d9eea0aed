#include "field_scan.h"

#include <charconv>
#include <cstring>

namespace sseload {
namespace {

void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

/// A quote as it stands in JSON, or escaped as it stands in a string in JSON.
bool skip_quote(std::string_view& text) {
  if (text.starts_with('"')) {
    text.remove_prefix(1);
    return true;
  }
  if (!text.starts_with("\\\"")) return false;
  text.remove_prefix(2);
  return true;
}

}  // namespace

FieldScan::FieldScan(std::string_view name) {
  if (!name.empty()) opening_ = '"' + std::string(name);
}

std::optional<std::int64_t> FieldScan::find(std::string_view json) const {
  const char* const end = json.data() + json.size();
  const char* from = json.data();
  for (;;) {
    const void* const found =
        memmem(from, static_cast<std::size_t>(end - from), opening_.data(), opening_.size());
    if (found == nullptr) return std::nullopt;
    from = static_cast<const char*>(found) + opening_.size();
    std::string_view rest(from, static_cast<std::size_t>(end - from));
    if (!skip_quote(rest)) continue;
    skip_blanks(rest);
    if (!rest.starts_with(':')) continue;  // a value that looks like the name
    rest.remove_prefix(1);
    skip_blanks(rest);
    skip_quote(rest);
    std::int64_t number = 0;
    const auto [stop, code] = std::from_chars(rest.data(), end, number);
    if (code == std::errc() && stop != rest.data()) return number;
    return std::nullopt;
  }
}

}  // namespace sseload

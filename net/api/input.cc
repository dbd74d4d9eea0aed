#include "net/api/input.h"

#include <fmt/format.h>

#include <charconv>

namespace progressd {
namespace {

/// Calls `visit` for each element of a comma-separated list, trimmed, until it answers false.
template <class Visit>
void each_element(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::string_view element = list.substr(0, list.find(','));
    list.remove_prefix(std::min(element.size() + 1, list.size()));
    if (!visit(trimmed(element))) return;
  }
}

bool is_refused(std::string_view parameters) {
  // `q=0`, `q=0.0`, …: not acceptable.
  const std::size_t at = parameters.find("q=");
  if (at == std::string_view::npos) return false;
  const std::string_view weight = parameters.substr(at + 2, parameters.find(';', at) - at - 2);
  return !weight.empty() && weight.find_first_not_of("0. ") == std::string_view::npos;
}

/// Source: FNV-1a, 64 bits. It need not withstand forgery: a cursor gives no rights.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

Result<void> check_body(const Request& request, std::string_view media_type) {
  if (request.body.empty()) return fail(Errc::kMalformed, "the body is empty");
  if (request.content_type() != media_type) {
    return fail(Errc::kUnsupportedType, fmt::format("Content-Type: must be {}", media_type));
  }
  return {};
}

bool accepts(const Request& request, std::string_view type, std::string_view subtype) {
  const std::string accept = request.header_list("Accept");
  if (accept.empty()) return true;
  bool accepted = false;
  each_element(accept, [&](std::string_view element) {
    const std::string_view range = trimmed(element.substr(0, element.find(';')));
    const std::string_view main = range.substr(0, range.find('/'));
    const std::string_view sub = main.size() < range.size() ? range.substr(main.size() + 1) : "";
    const bool matches = (main == "*" || equals_ignoring_case(main, type)) &&
                         (sub == "*" || equals_ignoring_case(sub, subtype));
    accepted = accepted || (matches && !is_refused(element.substr(range.size())));
    return true;
  });
  return accepted;
}

std::optional<TagList> tag_list(const Request& request, std::string_view header) {
  if (!request.header(header)) return std::nullopt;
  TagList list;
  each_element(request.header_list(header), [&](std::string_view element) {
    if (element == "*") list.any = true;
    if (element.substr(0, 2) == "W/") element.remove_prefix(2);
    if (element.size() >= 2 && element.front() == '"' && element.back() == '"') {
      list.tags.emplace_back(element.substr(1, element.size() - 2));
    }
    return true;
  });
  return list;
}

Result<std::optional<std::string>> filter(const Request& request, std::string_view name) {
  const std::optional<std::string_view> value = request.query(name);
  if (!value) return std::nullopt;
  if (value->empty()) return fail(Errc::kInvalid, fmt::format("{}: must not be empty", name));
  return std::string(*value);
}

std::string make_cursor(Sequence after, std::string_view filters) {
  return fmt::format("{:x}-{:016x}", after, hash_of(fmt::format("{} {}", after, filters)));
}

Result<Sequence> read_cursor(std::string_view cursor, std::string_view filters) {
  Sequence after = 0;
  const auto [end, error] =
      std::from_chars(cursor.data(), cursor.data() + cursor.size(), after, 16);
  static_cast<void>(end);
  if (error != std::errc{} || make_cursor(after, filters) != cursor) {
    return fail(Errc::kInvalid, "cursor: is not one that this list gave with these filters");
  }
  return after;
}

}  // namespace progressd

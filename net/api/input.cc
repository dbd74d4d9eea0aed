#include "net/api/input.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/base/utf8.h"
#include "core/jobs/traceparent.h"

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
  const std::size_t at = std::min(parameters.find("q="), parameters.find("Q="));
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
  if (!equals_ignoring_case(request.content_type(), media_type)) {
    return fail(Errc::kUnsupportedType, fmt::format("Content-Type: must be {}", media_type));
  }
  return {};
}

Text traceparent_of(const Request& request) {
  const auto field = request.header("traceparent");
  // Of several none is the one.
  if (!field || request.count_headers("traceparent") != 1) return {};
  const std::optional<std::string> kept = parse_traceparent(*field);
  return kept ? Text(*kept) : Text();
}

bool accepts(const Request& request, std::string_view type, std::string_view subtype) {
  const std::optional<std::string_view> first = request.header("Accept");
  if (!first) return true;
  // The usual case, without taking a list apart.
  const bool is_exact = first->size() == type.size() + 1 + subtype.size() &&
                        first->starts_with(type) && (*first)[type.size()] == '/' &&
                        first->ends_with(subtype);
  if (is_exact && request.count_headers("Accept") == 1) return true;
  const std::string accept = request.header_list("Accept");
  if (accept.empty()) return true;
  // The most specific range that matches decides (RFC 9110, section 12.5.1).
  bool accepted = false;
  int specificity = -1;
  each_element(accept, [&](std::string_view element) {
    const std::string_view range = trimmed(element.substr(0, element.find(';')));
    const std::string_view main = range.substr(0, range.find('/'));
    const std::string_view sub = main.size() < range.size() ? range.substr(main.size() + 1) : "";
    const bool matches = (main == "*" || equals_ignoring_case(main, type)) &&
                         (sub == "*" || equals_ignoring_case(sub, subtype));
    const int its = (main == "*" ? 0 : 1) + (sub == "*" ? 0 : 1);
    if (matches && its > specificity) {
      specificity = its;
      accepted = !is_refused(element.substr(range.size()));
    }
    return true;
  });
  return accepted;
}

bool TagList::matches(const std::string& tag) const {
  return any || std::find(tags.begin(), tags.end(), tag) != tags.end();
}

bool preconditions_hold(const Request& request, const std::string& tag) {
  const std::optional<TagList> wanted = tag_list(request, "If-Match", /*weak=*/false);
  const std::optional<TagList> unwanted = tag_list(request, "If-None-Match", /*weak=*/true);
  return (!wanted || wanted->matches(tag)) && !(unwanted && unwanted->matches(tag));
}

std::optional<std::vector<Sequence>> expected_events(const Request& request, const EventIds& ids) {
  const std::optional<TagList> tags = tag_list(request, "If-Match", /*weak=*/false);
  if (!tags || tags->any) return std::nullopt;
  std::vector<Sequence> sequences;
  for (const std::string& tag : tags->tags) {
    if (const auto sequence = ids.parse(tag)) sequences.push_back(*sequence);
  }
  return sequences;
}

bool refused(bool may, const Responder& responder, std::string_view why) {
  if (!may) responder.reply(problem(403, why));
  return !may;
}

std::string no_such_job(std::string_view id) { return fmt::format("no job has the id '{}'", id); }

std::string make_job_id(Random& random) {
  // 130 random bits, 5 a digit.
  static constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string id;
  std::uint64_t bits = 0;
  for (int digit = 0; digit < 26; ++digit) {
    if (digit % 12 == 0) bits = random.next();
    id += kDigits[bits % kDigits.size()];
    bits /= kDigits.size();
  }
  return id;
}

std::optional<TagList> tag_list(const Request& request, std::string_view header, bool weak) {
  if (!request.header(header)) return std::nullopt;
  TagList list;
  each_element(request.header_list(header), [&](std::string_view element) {
    if (element == "*") list.any = true;
    if (weak && element.substr(0, 2) == "W/") element.remove_prefix(2);
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
  if (!is_utf8(*value)) return fail(Errc::kInvalid, fmt::format("{}: must be UTF-8", name));
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

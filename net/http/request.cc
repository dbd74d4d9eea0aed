#include "net/http/request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace progressd {
namespace {

constexpr std::size_t kBodyKeptBytesMax = 4 * 1024;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

constexpr std::array<bool, 256> kHostBytes = [] {
  std::array<bool, 256> allowed{};
  for (unsigned char c = '0'; c <= '9'; ++c) allowed[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) allowed[c] = allowed[c - 'a' + 'A'] = true;
  for (const char c : std::string_view("-._~!$&'()*+,;=")) {
    allowed[static_cast<unsigned char>(c)] = true;
  }
  return allowed;
}();

bool is_port(std::string_view text) {
  if (text.empty()) return true;  // the scheme's own
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

bool is_host(std::string_view text) {
  std::size_t end = 0;
  if (text.starts_with('[')) {  // an IPv6 address
    end = text.find(']');
    if (end == std::string_view::npos || end == 1) return false;
    for (const char c : text.substr(1, end - 1)) {
      if (c != ':' && !kHostBytes[static_cast<unsigned char>(c)]) return false;
    }
    ++end;
  } else {
    while (end < text.size() && kHostBytes[static_cast<unsigned char>(text[end])]) ++end;
  }
  if (end == 0) return false;
  return end == text.size() || (text[end] == ':' && is_port(text.substr(end + 1)));
}

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string decoded(text);
  std::size_t at = text.find('%');
  if (plus_is_space) at = std::min(at, text.find('+'));
  if (at == std::string_view::npos) return decoded;
  for (char* out = &decoded[at];; ++at) {
    if (at == text.size()) {
      decoded.resize(static_cast<std::size_t>(out - decoded.data()));
      return decoded;
    }
    if (text[at] == '+' && plus_is_space) {
      *out++ = ' ';
    } else if (text[at] != '%') {
      *out++ = text[at];
    } else {
      if (at + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[at + 1]);
      const int low = hex_digit(text[at + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      *out++ = static_cast<char>(high * 16 + low);
      at += 2;
    }
  }
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  return a == b ||  // most clients write names as we do
         std::equal(a.begin(), a.end(), b.begin(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view Request::value_of(const Field& field) const {
  return trimmed(std::string_view(head_).substr(field.value_at, field.end - field.value_at));
}

std::optional<std::string_view> Request::find_header(std::string_view name) const {
  for (const Field& field : fields_) {
    if (is_named(field, name)) return value_of(field);
  }
  return std::nullopt;
}

std::size_t Request::count_headers(std::string_view name) const {
  if ((names_ & name_bit(name)) == 0) return 0;
  return static_cast<std::size_t>(std::count_if(
      fields_.begin(), fields_.end(), [&](const Field& field) { return is_named(field, name); }));
}

std::string Request::header_list(std::string_view name) const {
  std::string list;
  for (const Field& field : fields_) {
    if (!is_named(field, name)) continue;
    if (!list.empty()) list += ", ";
    list += value_of(field);
  }
  return list;
}

std::string_view Request::content_type() const {
  const std::string_view value = header("Content-Type").value_or("");
  return trimmed(value.substr(0, value.find(';')));
}

bool Request::asks_for_stream() const {
  return method == Method::kGet &&
         header("Accept").value_or("").find("text/event-stream") != std::string_view::npos;
}

std::optional<std::string_view> Request::query(std::string_view name) const {
  for (const auto& [key, value] : query_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

void Request::append_field_name(std::string_view part) {
  head_.append(part);
  open_field_.value_at = static_cast<std::uint32_t>(head_.size());
}

void Request::append_field_value(std::string_view part) { head_.append(part); }

void Request::end_field() {
  open_field_.end = static_cast<std::uint32_t>(head_.size());
  names_ |= name_bit(name_of(open_field_));
  fields_.push_back(open_field_);
  open_field_.name_at = open_field_.value_at = open_field_.end;
}

void Request::drop_field() {
  head_.resize(open_field_.name_at);
  open_field_.value_at = open_field_.name_at;
}

void Request::clear() {
  clear_but_fields();
  clear_fields();
}

void Request::clear_fields() {
  head_.clear();
  fields_.clear();
  names_ = 0;
  open_field_ = Field();
  known_caller.reset();
}

void Request::clear_but_fields() {
  // A large body's memory is given back; what a usual request needs is kept. To assign an empty
  // string would keep it all.
  if (body.capacity() > kBodyKeptBytesMax) std::string().swap(body);
  body.clear();
  target.clear();
  path = host_of_target_ = {};
  path_parameters.clear();
  stream_job.reset();
  if (caller.authenticated) caller = anybody();
  by_ticket = false;
  may_compress = true;
  route = nullptr;
  query_.clear();
}

bool Request::read_target() {
  std::string_view rest = target;
  if (rest == "*") {
    path = "*";
    return method == Method::kOptions;
  }
  for (const std::string_view scheme : {"http://", "https://"}) {  // absolute-form: from a proxy
    if (rest.starts_with('/')) break;
    if (!equals_ignoring_case(rest.substr(0, scheme.size()), scheme)) continue;
    rest.remove_prefix(scheme.size());
    host_of_target_ = rest.substr(0, rest.find_first_of("/?#"));
    rest.remove_prefix(host_of_target_.size());
    if (!is_host(host_of_target_)) return false;
    if (rest.empty() || rest.front() == '?') path = "/";
    break;
  }
  if (rest.find('#') != std::string_view::npos) return false;
  const std::size_t mark = std::min(rest.find('?'), rest.size());
  const std::string_view raw_path = rest.substr(0, mark);
  if (path.empty()) {
    if (raw_path.empty() || raw_path.front() != '/') return false;
    // The router takes it apart before it decodes the parts: %2F is no separator.
    path = raw_path;
  }
  std::string_view pairs = mark < rest.size() ? rest.substr(mark + 1) : std::string_view();
  while (!pairs.empty()) {
    const std::string_view pair = pairs.substr(0, pairs.find('&'));
    pairs.remove_prefix(std::min(pair.size() + 1, pairs.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto key = percent_decoded(pair.substr(0, equals), true);
    auto value =
        percent_decoded(equals < pair.size() ? pair.substr(equals + 1) : std::string_view(), true);
    if (!key || !value) return false;
    query_.emplace_back(std::move(*key), std::move(*value));
  }
  return path.find('%') == std::string_view::npos || percent_decoded(path, false).has_value();
}

}  // namespace progressd

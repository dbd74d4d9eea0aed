// A request as handlers see it. All views are good until the handler has returned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/access/caller.h"

namespace progressd {

struct Route;

enum class Method : std::uint8_t { kGet, kHead, kPost, kPatch, kDelete, kOptions, kOther };

/// Equal but for the case of ASCII letters.
bool equals_ignoring_case(std::string_view a, std::string_view b);

class Request {
 public:
  Method method = Method::kOther;
  std::string target;  // as sent
  int minor_version = 1;
  bool keep_alive = true;
  std::string body;  // with kJsonPaddingBytes of room behind it

  std::string_view path;  // of `target`, still encoded
  /// Whom the request is for: of a target that says so, else the Host field; empty: not said.
  std::string_view host() const {
    return host_of_target_.empty() ? header("Host").value_or("") : host_of_target_;
  }
  /// What stood for the route's `{}`, in order; set by the router.
  std::vector<std::string> path_parameters;
  /// Set by the router, on a route to the stream of one job: that job's id.
  std::optional<std::string> stream_job;
  /// Cleared by a handler whose clients take what a read gives them for whole events: a decoder
  /// cuts events where its buffer is full.
  bool may_compress = true;
  /// Who asks; set by the gate.
  Caller caller = anybody();
  bool by_ticket = false;
  /// Set by the gate, and kept for the next request if that has the same header fields.
  std::optional<KnownCaller> known_caller;
  /// Set by the router when it was asked about the head: where the request goes, which is admitted.
  const Route* route = nullptr;
  std::uint64_t admitted_in = 0;  // the gate's round then

  bool is_read() const { return method == Method::kGet || method == Method::kHead; }

  /// The field's value; none when it was not sent. A field sent several times is the first one.
  std::optional<std::string_view> header(std::string_view name) const {
    if ((names_ & name_bit(name)) == 0) return std::nullopt;
    return find_header(name);
  }
  /// The values of a list field, those of several lines joined by commas.
  std::string header_list(std::string_view name) const;
  /// The media type of the body without its parameters; empty when there is none.
  std::string_view content_type() const;

  /// As every EventSource does. Source: WHATWG HTML, "The EventSource interface".
  bool asks_for_stream() const;

  /// The decoded value of a query parameter, the first of that name.
  std::optional<std::string_view> query(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& query_parameters() const {
    return query_;
  }

  // A field's name, then its value, each in one or more parts, then its end.
  void append_field_name(std::string_view part);
  void append_field_value(std::string_view part);
  void end_field();
  void drop_field();  // instead of end_field()
  std::size_t header_count() const { return fields_.size(); }
  /// Lines of that name.
  std::size_t count_headers(std::string_view name) const;
  /// Takes `target` apart into host, path and query. False when it is malformed.
  bool read_target();
  /// Ready for the next request, with the memory of this one.
  void clear();
  /// The same, but for the header fields, which the next request may have again.
  void clear_but_fields();
  void clear_fields();

 private:
  /// Where a header field stands in head_.
  struct Field {
    std::uint32_t name_at = 0;
    std::uint32_t value_at = 0;
    std::uint32_t end = 0;
  };
  std::string_view name_of(const Field& field) const {
    return std::string_view(head_).substr(field.name_at, field.value_at - field.name_at);
  }
  std::string_view value_of(const Field& field) const;
  std::optional<std::string_view> find_header(std::string_view name) const;
  /// One bit for a name, whatever its case: most fields that are asked for were not sent, and
  /// `names_` tells so without a look at each.
  static constexpr std::uint64_t name_bit(std::string_view name) {
    if (name.empty()) return 1;
    constexpr unsigned kCaseBit = 0x20;
    const unsigned first = static_cast<unsigned char>(name.front()) | kCaseBit;
    const unsigned last = static_cast<unsigned char>(name.back()) | kCaseBit;
    return std::uint64_t{1} << ((name.size() * 7 + first * 3 + last) % 64);
  }
  /// Looks at the length first, which is mostly another one: every request is asked for many names.
  bool is_named(const Field& field, std::string_view name) const {
    return field.value_at - field.name_at == name.size() &&
           equals_ignoring_case(name_of(field), name);
  }

  std::string head_;  // all names and values, one behind the other
  std::vector<Field> fields_;
  std::uint64_t names_ = 0;  // the bits of all their names
  Field open_field_;
  std::vector<std::pair<std::string, std::string>> query_;
  std::string_view host_of_target_;  // of `target`
};

/// Source: RFC 3986, section 2.1. None when a `%` is not followed by two digits.
/// `plus_is_space`: as in a query (WHATWG URL, application/x-www-form-urlencoded).
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space);
/// Whether `text` is a host, with a port or without; one with percent signs is none here.
/// Source: RFC 9110, section 7.2; RFC 3986, section 3.2.2.
bool is_host(std::string_view text);
/// Without spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace progressd

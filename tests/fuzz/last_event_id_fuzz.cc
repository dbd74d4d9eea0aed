// What clients hand back that the server once made (event ids, cursors, tickets, entity tags), and
// the URLs that these stand in. Holds: only what was made here is taken; what was taken is written
// the same again; decoding undoes encoding.
//
//   input   a line: an event id │ a line: a cursor │ a line: changes to a ticket │ the rest: a
//   target
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/ensure.h"
#include "core/base/utf8.h"
#include "core/stream/event_id.h"
#include "net/access/tickets.h"
#include "net/api/input.h"
#include "net/api/opening.h"
#include "tests/fuzz/support/choices.h"
#include "tests/fuzz/support/fixed.h"
#include "tests/fuzz/support/request_of.h"

namespace progressd::fuzz {
namespace {

constexpr std::uint32_t kEpoch = 0x1f3a9c04;
constexpr std::string_view kFilters = "state=active";
constexpr std::string_view kSecretOfTickets = "a secret that nobody knows, of 32";

void check_event_id(std::string_view text) {
  static const EventIds ids(kEpoch);
  static const EventIds others(kEpoch + 1);
  const std::optional<Sequence> sequence = ids.parse(text);
  if (!sequence) return;
  ENSURE(ids.text(*sequence) == text);
  ENSURE(!others.parse(text));
  std::string partial;
  ids.append_partial(*sequence, partial);
  ENSURE(!ids.parse(partial));  // it must not be placed
}

void check_cursor(std::string_view text) {
  const Result<Sequence> after = read_cursor(text, kFilters);
  if (!after) return;
  ENSURE(make_cursor(*after, kFilters) == text);
  ENSURE(!read_cursor(text, "state=failed"));
}

/// The ticket with a few of its characters put elsewhere.
std::string changed(std::string ticket, Choices choices) {
  while (!choices.done()) {
    const std::size_t at = choices.index(256) % ticket.size();
    const auto byte = static_cast<char>(choices.byte());
    if (byte == 0) {
      ticket.resize(at + 1);
    } else {
      ticket[at] = byte;
    }
  }
  return ticket;
}

void check_ticket(std::string_view changes) {
  FixedRandom random;
  Tickets tickets{std::string(kSecretOfTickets), random};
  Caller ann{.user = "ann", .authenticated = true};
  const Result<Ticket> ticket = tickets.issue(ann, "a", kTicketSecondsDefault, kSomeDay);
  ENSURE(ticket.has_value() && ticket->expires_at == kSomeDay + kTicketSecondsDefault * 1'000);
  const std::string text = changed(ticket->text, Choices(changes));
  const TicketUse use{"a", false, {}};
  const TicketUse reconnect{"a", true, {}};
  const Result<Grant> checked = tickets.check(text, use, kSomeDay);
  ENSURE(checked.has_value() == (text == ticket->text));
  ENSURE(!tickets.check(changes, use, kSomeDay));
  if (!checked) return;
  ENSURE(checked->caller == ann && checked->job == "a");
  ENSURE(!tickets.check(text, TicketUse{"b", false, {}}, kSomeDay));
  ENSURE(!tickets.check(text, use, ticket->expires_at));
  ENSURE(tickets.redeem(text, use, kSomeDay).has_value());
  ENSURE(!tickets.redeem(text, use, kSomeDay));
  ENSURE(tickets.redeem(text, reconnect, kSomeDay).has_value());
}

/// Everything but letters and digits as `%xx`. Source: RFC 3986, section 2.1.
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

void check_decoding(std::string_view text) {
  for (const bool plus_is_space : {false, true}) {
    const std::optional<std::string> decoded = percent_decoded(text, plus_is_space);
    ENSURE(!decoded || decoded->size() <= text.size());
    const std::optional<std::string> again = percent_decoded(percent_encoded(text), plus_is_space);
    ENSURE(again == text);
  }
  const std::string replaced = to_utf8(text);
  ENSURE(is_utf8(replaced) && (replaced == text) == is_utf8(text));
}

void check_target(std::string_view target, std::string_view id) {
  Request request;
  request.method = Method::kGet;
  request.target = target;
  add_header(request, "Last-Event-ID", id);
  add_header(request, "If-None-Match", id);
  ENSURE(request.header("Last-Event-ID") == trimmed(id));
  const std::optional<TagList> tags = tag_list(request, "If-None-Match", /*weak=*/true);
  ENSURE(tags.has_value());
  for (const std::string& tag : tags->tags) ENSURE(tags->matches(tag));
  if (!request.read_target()) return;
  ENSURE(request.path.starts_with('/') && request.path.find_first_of("?#") == std::string::npos);
  const std::string_view seen = last_event_id(request);
  ENSURE(seen == trimmed(id) || trimmed(id).empty());
  std::string rewritten = "/";
  for (const auto& [name, value] : request.query_parameters()) {
    rewritten += rewritten.size() == 1 ? '?' : '&';
    rewritten.append(percent_encoded(name)).append("=").append(percent_encoded(value));
    const Result<std::optional<std::string>> filtered = filter(request, name);
    if (filtered) ENSURE(filtered->has_value() && is_utf8(**filtered) && !(*filtered)->empty());
  }
  Request again;
  again.method = Method::kGet;
  again.target = rewritten;
  ENSURE(again.read_target());
  ENSURE(again.query_parameters() == request.query_parameters());
}

void run(std::string_view bytes) {
  Choices input(bytes);
  const std::string_view id = input.line();
  const std::string_view cursor = input.line();
  const std::string_view ticket_changes = input.line();
  const std::string_view target = input.rest();
  check_event_id(id);
  check_cursor(cursor);
  check_ticket(ticket_changes);
  check_decoding(target);
  check_target(target, id);
}

}  // namespace
}  // namespace progressd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  progressd::fuzz::run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}

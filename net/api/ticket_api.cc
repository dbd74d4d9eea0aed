#include "net/api/ticket_api.h"

#include <optional>
#include <string>

#include "core/base/json_write.h"
#include "core/base/time_text.h"
#include "net/api/input.h"

namespace progressd {
namespace {

struct Wish {
  std::optional<std::string> job;
  std::int64_t ttl_seconds = kTicketSecondsDefault;
};

Result<Wish> read_wish(JsonReader& reader, std::string_view text) {
  Wish wish;
  return reader
      .read_object(
          text,
          [&](std::string_view key, JsonValue& value) -> Result<void> {
            if (key == "job") {
              return value.string(key, kIdBytesMax).map([&](std::string_view id) {
                wish.job = id;
              });
            }
            if (key == "ttlSeconds") {
              return value.integer(key, 1, kTicketSecondsMax).map([&](std::int64_t seconds) {
                wish.ttl_seconds = seconds;
              });
            }
            return {};
          })
      .map([&] { return std::move(wish); });
}

}  // namespace

void TicketApi::add_routes(Router& router) {
  router.add(Method::kPost, "/v1/tickets", [this](Request& q, Responder r) { issue(q, r); });
}

void TicketApi::issue(const Request& request, const Responder& responder) {
  Result<Wish> wish;  // of who sends nothing: no field is needed
  if (!request.body.empty()) {
    if (const auto body = check_body(request, "application/json"); !body) {
      return responder.reply(problem(body.error()));
    }
    wish = read_wish(reader_, request.body);
  }
  if (!wish) return responder.reply(problem(wish.error()));
  if (wish->job) {
    const Job* const job = jobs_.find(*wish->job);
    if (job == nullptr) return responder.reply(problem(404, no_such_job(*wish->job)));
    if (refused(may_see(request.caller, *job), responder)) return;
  }
  const Result<Ticket> ticket = gate_.issue_ticket(request.caller, wish->job, wish->ttl_seconds);
  if (!ticket) return responder.reply(problem(ticket.error()));
  JsonWriter out;
  out.begin_object();
  out.field("ticket", ticket->text);
  out.field("expiresAt", Rfc3339(ticket->expires_at).view());
  out.end_object();
  Response response = json_response(201, out.view());
  responder.reply(std::move(response.with("Cache-Control", "no-store")));
}

}  // namespace progressd

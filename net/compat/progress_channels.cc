#include "net/compat/progress_channels.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <utility>

#include "core/base/json_write.h"
#include "core/base/utf8.h"
#include "core/jobs/job.h"
#include "net/api/input.h"

namespace progressd {
namespace {

/// The user whose channel the request is about; null, and answered, when that can be nobody.
/// Every request but the one for connections goes through here.
const std::string* user_of(const Request& request, const Responder& responder) {
  const std::string& user = request.path_parameters[0];
  if (user.size() <= kOwnerBytesMax && is_utf8(user)) return &user;
  responder.reply(
      problem(422, fmt::format("user_id: must be UTF-8 of at most {} bytes", kOwnerBytesMax)));
  return nullptr;
}

}  // namespace

bool ChannelDialect::encode(const Subject& /*subject*/, const Event& event,
                            std::string& out) const {
  append(event.sequence, event.message, out);
  return true;
}

void ChannelDialect::encode_latest(const Subject& subject, Sequence through, bool /*partial*/,
                                   std::string& out) const {
  const Channel& channel = static_cast<const Channel&>(subject);
  append(through, channel.latest.json, out);
}

void ChannelDialect::append(Sequence sequence, const Text& json, std::string& out) const {
  id_.clear();
  ids_.append(sequence, id_);
  append_sse({}, id_, json.view(), out);
}

void ProgressChannels::add_routes(Router& router) {
  router.add(
      Method::kGet, "/api/v1/sse/progress/stream/{}",
      [this](Request& q, Responder r) { follow(q, r); }, Audience::kStreams);
  router.add(Method::kPost, "/api/v1/sse/progress/{}",
             [this](Request& q, Responder r) { post(q, r); });
  router.add(Method::kGet, "/api/v1/sse/progress/status/{}",
             [this](Request& q, Responder r) { latest(q, r); });
  router.add(Method::kDelete, "/api/v1/sse/progress/{}",
             [this](Request& q, Responder r) { clear(q, r); });
  router.add(Method::kGet, "/api/v1/sse/connections/status",
             [this](Request& q, Responder r) { connections(q, r); });
}

void ProgressChannels::follow(const Request& request, const Responder& responder) {
  const std::string* const user = user_of(request, responder);
  if (user == nullptr || refused(may_follow_channel(request.caller, *user), responder)) return;
  if (!accepts_stream(request, responder)) return;
  Selection selection;
  Channel* const channel = parts_.channels.find(*user);
  if (channel != nullptr) selection.topic = &channel->topic;
  selection.live.emplace().group = group_of_channel(*user);
  parts_.opener.open(responder, dialect_, parts_.opener.seen(request), std::move(selection));
}

void ProgressChannels::post(Request& request, const Responder& responder) {
  const std::string* const user = user_of(request, responder);
  if (user == nullptr || refused(may_post_to_channel(request.caller), responder, kWantsReportScope))
    return;
  if (auto refusal = parts_.report_limits.refuse(request.caller)) {
    return responder.reply(std::move(*refusal));
  }
  if (const auto body = check_body(request, "application/json"); !body) {
    return responder.reply(problem(body.error()));
  }
  // While the body is read, what the post touches is on its way to the processor's cache.
  if (const Channel* const channel = parts_.channels.find(*user)) {
    __builtin_prefetch(channel->latest.json.view().data(), /*rw=*/1);  // is given up
    channel->topic.prefetch();
  }
  Result<JsonObject> object = reader_.read(request.body, "status", kChannelValueBytesMax);
  if (!object) return responder.reply(problem(object.error()));
  if (const auto full = parts_.budget.refusal()) return responder.reply(problem(*full));
  Change change = make_change(ChangeKind::kChannelPost, *user, parts_.clock.now());
  change.value = ChannelValue{Text(object->text), std::move(object->field)};
  parts_.ledger.commit(std::move(change), [responder](std::span<const Outcome> outcomes) {
    const std::optional<Error>& error = outcomes.front().error;
    if (error) return responder.reply(problem(*error));
    Response accepted;
    accepted.status = 202;
    responder.reply(std::move(accepted));
  });
}

void ProgressChannels::latest(const Request& request, const Responder& responder) const {
  const std::string* const user = user_of(request, responder);
  if (user == nullptr || refused(may_follow_channel(request.caller, *user), responder)) return;
  const Channel* const channel = parts_.channels.find(*user);
  responder.reply(json_response(200, channel == nullptr ? "null" : channel->latest.json.view()));
}

void ProgressChannels::clear(const Request& request, const Responder& responder) {
  const std::string* const user = user_of(request, responder);
  if (user == nullptr || refused(may_follow_channel(request.caller, *user), responder)) return;
  parts_.ledger.commit(make_change(ChangeKind::kChannelClear, *user, parts_.clock.now()),
                       [responder, user = *user](std::span<const Outcome> outcomes) {
                         const std::optional<Error>& error = outcomes.front().error;
                         if (error) return responder.reply(problem(*error));
                         JsonWriter out;
                         out.begin_object();
                         out.field("message", "Progress data cleaned up for user " + user);
                         out.end_object();
                         responder.reply(json_response(200, out.view()));
                       });
}

void ProgressChannels::connections(const Request& request, const Responder& responder) const {
  std::map<std::string, std::size_t> users;
  if (may_operate(request.caller)) {
    users = parts_.hub.readers_of_groups(kChannelGroupPrefix);
  } else {
    // Who sees only their own need not look through everybody's.
    const std::string& own = request.caller.user;
    const std::size_t streams = parts_.hub.readers_of_group(group_of_channel(own));
    if (streams > 0) users.emplace(own, streams);
  }
  std::size_t all = 0;
  for (const auto& [user, streams] : users) all += streams;
  JsonWriter out;
  out.begin_object();
  out.key("active_connections");
  out.unsigned_integer(all);
  out.key("users");
  out.begin_object();
  for (const auto& [user, streams] : users) {
    out.key(user);
    out.unsigned_integer(streams);
  }
  out.end_object();
  out.end_object();
  responder.reply(json_response(200, out.view()));
}

}  // namespace progressd

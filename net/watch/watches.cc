#include "net/watch/watches.h"

#include <fmt/format.h>

#include <algorithm>

#include "net/api/input.h"

namespace progressd {
namespace {

/// Jobs' topics have the numbers of their creation, far below.
constexpr TopicId kFirstTopicId = TopicId{1} << 63;

}  // namespace

Watches::Watches(const Parts& parts, const std::vector<WatchSpec>& specs) {
  if (specs.empty()) return;
  fetcher_.emplace(parts.loop);
  TopicId topic_id = kFirstTopicId;
  for (const WatchSpec& spec : specs) {
    watches_.push_back(std::make_unique<Watch>(
        Watch::Parts{parts.loop, *fetcher_, parts.hub, parts.opener, parts.random}, spec,
        topic_id++));
  }
}

void Watches::follow(const Request& request, const Responder& responder) {
  const auto name = filter(request, "watch");
  if (!name) return responder.reply(problem(name.error()));
  if (!*name && watches_.size() > 1) {
    return responder.reply(problem(422, "watch: there are several, say which"));
  }
  const auto found = std::find_if(watches_.begin(), watches_.end(), [&](const auto& watch) {
    return !*name || watch->name() == **name;
  });
  if (found == watches_.end()) {
    const std::string_view asked = *name ? std::string_view(**name) : "";
    return responder.reply(problem(404, fmt::format("nothing is watched as '{}'", asked)));
  }
  (*found)->follow(request, responder);
}

void Watches::write(JsonWriter& out) const {
  out.begin_array();
  for (const auto& watch : watches_) {
    out.begin_object();
    out.field("name", watch->name());
    out.key("result");
    watch->status() ? out.string(watch->status()->result) : out.null();
    out.key("polls");
    out.unsigned_integer(watch->polls());
    out.field("failuresInARow", std::int64_t{watch->failures()});
    out.key("failure");
    watch->failure().empty() ? out.null() : out.string(watch->failure());
    out.end_object();
  }
  out.end_array();
}

}  // namespace progressd

// Progress channels: a channel for each user, to which that user's workers post any JSON object.
//
//   GET     …/progress/stream/{user_id}  the latest object first, then each as it is posted
//   POST    …/progress/{user_id}         202
//   GET     …/progress/status/{user_id}  the latest object, or null
//   DELETE  …/progress/{user_id}         forgets it; streams stay open
//   GET     …/connections/status         who is listening
//
// Each of them is under /api/v1/sse. The rules are in core/channels/.
#pragma once

#include "core/base/clock.h"
#include "core/base/json_object.h"
#include "core/byte_budget.h"
#include "core/channels/channel_table.h"
#include "core/stream/event_id.h"
#include "net/access/report_limits.h"
#include "net/api/opening.h"
#include "net/compat/seed_system.h"

namespace progressd {

/// The object as it was posted, nothing else.
class ChannelDialect final : public StreamDialect {
 public:
  explicit ChannelDialect(const EventIds& ids) : ids_(ids) {}

  bool encode(const Subject& subject, const Event& event, std::string& out) const override;
  void encode_latest(const Subject& subject, Sequence through, bool partial,
                     std::string& out) const override;

 private:
  void append(Sequence sequence, const Text& json, std::string& out) const;

  const EventIds& ids_;
  mutable std::string id_;  // a buffer, no state
};

class ProgressChannels final : public SeedSystem {
 public:
  struct Parts {
    Ledger& ledger;
    const ChannelTable& channels;
    const Hub& hub;
    const EventIds& ids;
    const Clock& clock;
    Opener& opener;
    ReportLimits& report_limits;
    const ByteBudget& budget;
  };
  explicit ProgressChannels(const Parts& parts) : parts_(parts), dialect_(parts.ids) {}

  void add_routes(Router& router) override;

 private:
  void follow(const Request& request, const Responder& responder);
  void post(Request& request, const Responder& responder);
  void latest(const Request& request, const Responder& responder) const;
  void clear(const Request& request, const Responder& responder);
  void connections(const Request& request, const Responder& responder) const;

  Parts parts_;
  ChannelDialect dialect_;
  JsonObjectReader reader_;
};

}  // namespace progressd

// What operators ask: is it well, how much does it do, who is listening.
#pragma once

#include <functional>
#include <memory>

#include "core/jobs/job_json.h"
#include "core/jobs/job_table.h"
#include "core/ledger.h"
#include "core/stream/hub.h"
#include "net/config.h"
#include "net/http/connection.h"
#include "net/http/router.h"
#include "net/http/stream_writer.h"
#include "net/journal/durable_journal.h"
#include "net/lag_meter.h"
#include "net/watch/watches.h"

namespace progressd {

class OperationsApi {
 public:
  struct Parts {
    const Config& config;
    const JobTable& jobs;
    const Ledger& ledger;
    const Hub& hub;
    const EventIds& ids;
    SocketIo& io;
    ConnectionTable& connections;
    const StreamWriter& streams;
    const StreamLimits& stream_limits;
    const LagMeter& lag;
    const Watches& watches;
    const std::unique_ptr<DurableJournal>& journal;  // null: in memory
    std::function<bool()> is_ready;
  };
  explicit OperationsApi(const Parts& parts) : parts_(parts) {}

  void add_routes(Router& router);

 private:
  void write_journal(JsonWriter& out) const;
  void stats(const Responder& responder) const;
  void streams(const Request& request, const Responder& responder) const;
  void write_stream(std::uint32_t slot, JsonWriter& out) const;

  Parts parts_;
};

}  // namespace progressd

// GET /metrics: what Prometheus collects. Every figure is one that is counted anyway, and looked up
// when somebody asks.
#pragma once

#include <memory>

#include "core/channels/channel_table.h"
#include "core/jobs/job_table.h"
#include "core/ledger.h"
#include "core/stream/hub.h"
#include "net/http/http_connections.h"
#include "net/http/router.h"
#include "net/http/stream_writer.h"
#include "net/journal/durable_journal.h"
#include "net/lag_meter.h"
#include "net/metrics/exposition.h"
#include "net/run/cpu_runner.h"
#include "net/watch/watches.h"

namespace progressd {

class MetricsApi {
 public:
  struct Parts {
    const ConnectionTable& connections;
    const StreamWriter& streams;
    const JobTable& jobs;
    const ChannelTable& channels;
    const Ledger& ledger;
    const Hub& hub;
    const CpuRunner& cpu_runner;
    const LagMeter& lag;
    const Watches& watches;
    const HttpConnections& http;
    const std::unique_ptr<DurableJournal>& journal;  // null: in memory
  };
  explicit MetricsApi(const Parts& parts) : parts_(parts) {}

  void add_routes(Router& router);

 private:
  std::string text() const;
  void add_streams(Exposition& out) const;
  void add_jobs(Exposition& out) const;
  void add_journal(Exposition& out) const;
  void add_watches(Exposition& out) const;

  Parts parts_;
};

}  // namespace progressd

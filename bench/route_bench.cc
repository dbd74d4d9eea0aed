// What it costs to find the handler of a request among the real routes.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "core/journal/memory.h"
#include "core/ledger.h"
#include "net/api/dashboard.h"
#include "net/api/job_api.h"
#include "net/api/operations_api.h"
#include "net/api/report_api.h"
#include "net/api/stream_api.h"
#include "net/system.h"
#include "net/uv/loop.h"

namespace progressd {
namespace {

/// Where answers end; it only counts them.
class CountingCarrier final : public ResponseCarrier {
 public:
  void reply(ConnectionId, Response response) override {
    status = response.status;
    ++replies;
  }
  void stream(ConnectionId, StreamStart) override { std::abort(); }
  int status = 0;
  std::uint64_t replies = 0;
};

class NoSink final : public Sink {
 public:
  void deliver(std::span<const FrameRef>, std::span<const SubscriberId>, bool) override {}
};

/// The routes of the server, and behind them one of ours whose handler does nothing.
struct Routes {
  Routes() {
    job_api.add_routes(router);
    report_api.add_routes(router);
    stream_api.add_routes(router);
    operations_api.add_routes(router);
    add_dashboard_routes(router);
    router.add(Method::kGet, "/v1/jobs/{}/last", [this](const Request& request, const Responder&) {
      parameter_bytes += request.path_parameters.front().size();
    });
  }

  Config config;
  Loop loop;
  SystemClock clock;
  SystemRandom random;
  SocketIo io;
  MemoryJournal journal{random};
  EventIds ids{journal.epoch()};
  JobTable jobs{JobTableLimits{}};
  ConnectionTable connections{io, [](std::uint32_t, Connection&) {}};
  Deadlines deadlines{connections, 1};
  StreamWriter streams{config.streams, io, connections, deadlines};
  NoSink sink;
  Hub hub{/*history_max=*/256, sink};
  Ledger ledger{journal, jobs, hub};
  LagMeter lag{loop};
  JobApi job_api{{ledger, jobs, ids, clock, random}};
  ReportApi report_api{ledger, clock};
  StreamApi stream_api{{ledger, jobs, ids, random}};
  OperationsApi operations_api{
      {config, jobs, hub, ids, io, connections, streams, lag, [] { return true; }}};
  Router router;
  CountingCarrier carrier;
  std::size_t parameter_bytes = 0;
};

void dispatch(benchmark::State& state, Routes& routes, Method method, std::string_view target) {
  Request request;
  request.method = method;
  request.target = target;
  if (!request.read_target()) std::abort();
  const Responder responder(routes.carrier, /*id=*/0, Framing::kChunked);
  for (auto _ : state) {
    request.path_parameters.clear();
    routes.router.dispatch(request, responder);
  }
  state.SetItemsProcessed(state.iterations());
}

/// Every route is looked at, the parameter is decoded, nothing is answered: the lookup alone.
void BM_RouteToTheLast(benchmark::State& state) {
  Routes routes;
  dispatch(state, routes, Method::kGet, "/v1/jobs/b1f0c7de-3a52-4c1b-9d44-0c1e6d2a7f90/last");
  if (routes.parameter_bytes == 0 || routes.carrier.replies != 0) std::abort();
}
BENCHMARK(BM_RouteToTheLast);

/// One of the server's own, with its short answer.
void BM_RouteToHealth(benchmark::State& state) {
  Routes routes;
  dispatch(state, routes, Method::kGet, "/healthz");
  if (routes.carrier.status != 200) std::abort();
}
BENCHMARK(BM_RouteToHealth);

/// Nowhere, with the answer that says so.
void BM_RouteToNothing(benchmark::State& state) {
  Routes routes;
  dispatch(state, routes, Method::kGet, "/v1/nothing/there");
  if (routes.carrier.status != 404) std::abort();
}
BENCHMARK(BM_RouteToNothing);

/// A path whose methods are all listed, as for a browser's preflight.
void BM_RouteOptions(benchmark::State& state) {
  Routes routes;
  dispatch(state, routes, Method::kOptions, "/v1/jobs/b1f0c7de-3a52-4c1b-9d44-0c1e6d2a7f90");
  if (routes.carrier.status != 204) std::abort();
}
BENCHMARK(BM_RouteOptions);

}  // namespace
}  // namespace progressd

// What it costs to find the handler of a request among the real routes.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "net/server.h"
#include "net/uv/loop.h"

namespace progressd {
namespace {

/// Where answers end; it only counts them.
class CountingCarrier final : public ResponseCarrier {
 public:
  Framing framing(ConnectionId) const override { return Framing::kChunked; }
  void reply(ConnectionId, Response response) override {
    status = response.status;
    ++replies;
  }
  bool stream(ConnectionId, StreamStart) override { std::abort(); }
  int status = 0;
  std::uint64_t replies = 0;
};

/// A server that listens nowhere: its routes are what is looked at.
struct Routes {
  Loop loop;
  Server server{loop, Config{}, /*rounds_per_ms=*/1};
  CountingCarrier carrier;
};

void dispatch(benchmark::State& state, Routes& routes, Method method, std::string_view target) {
  Request request;
  request.method = method;
  request.target = target;
  if (!request.read_target()) std::abort();
  const Responder responder(routes.carrier, /*id=*/0);
  for (auto _ : state) {
    request.path_parameters.clear();
    routes.server.routes().dispatch(request, responder);
  }
  state.SetItemsProcessed(state.iterations());
}

/// A job that nobody made, with the answer that says so.
void BM_RouteToAJob(benchmark::State& state) {
  Routes routes;
  dispatch(state, routes, Method::kGet, "/v1/jobs/b1f0c7de-3a52-4c1b-9d44-0c1e6d2a7f90");
  if (routes.carrier.status != 404) std::abort();
}
BENCHMARK(BM_RouteToAJob);

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

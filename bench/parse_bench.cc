// What a request costs to be parsed, whole and in pieces: llhttp, our limits, and the request taken
// apart into what handlers see.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <random>
#include <string_view>
#include <vector>

#include "net/http/parser.h"

namespace progressd {
namespace {

/// As Chromium's EventSource sends it when it reconnects.
constexpr std::string_view kFollow =
    "GET /v1/jobs/b1f0c7de-3a52-4c1b-9d44-0c1e6d2a7f90/events?events=message HTTP/1.1\r\n"
    "Host: 127.0.0.1:8080\r\n"
    "Connection: keep-alive\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Safari/537.36\r\n"
    "sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "Accept: text/event-stream\r\n"
    "Cache-Control: no-cache\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    "Referer: http://127.0.0.1:8080/\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n"
    "Last-Event-ID: 1f3a9c04-1234567\r\n"
    "\r\n";

/// As a worker's HTTP library sends it.
constexpr std::string_view kReport =
    "PATCH /v1/jobs/b1f0c7de-3a52-4c1b-9d44-0c1e6d2a7f90 HTTP/1.1\r\n"
    "Host: 127.0.0.1:8080\r\n"
    "User-Agent: python-requests/2.28.1\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Accept: */*\r\n"
    "Connection: keep-alive\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 51\r\n"
    "\r\n"
    "{\"done\": 45, \"message\": \"encoding the second pass\"}";

/// The text in pieces of 1 to `bytes_max` bytes, the same ones in every run.
std::vector<std::string_view> pieces_of(std::string_view text, std::size_t bytes_max) {
  std::mt19937_64 random(1);
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    pieces.push_back(text.substr(0, 1 + random() % bytes_max));
    text.remove_prefix(pieces.back().size());
  }
  return pieces;
}

/// `alone`: each is the first of its connection, and none has the header fields of the one before.
void parse(benchmark::State& state, std::string_view text,
           const std::vector<std::string_view>& pieces, bool alone = false) {
  const HttpLimits limits;
  RequestParser parser(limits);
  for (auto _ : state) {
    std::size_t taken = 0;
    for (const std::string_view piece : pieces) taken += parser.feed(piece);
    if (parser.stage() != RequestParser::Stage::kComplete || taken != text.size()) std::abort();
    benchmark::DoNotOptimize(parser.request().path.data());
    alone ? parser.reset() : parser.next();
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.counters["pieces"] = static_cast<double>(pieces.size());
}

void BM_ParseFollow(benchmark::State& state) { parse(state, kFollow, {kFollow}); }
void BM_ParseReport(benchmark::State& state) { parse(state, kReport, {kReport}); }
void BM_ParseReportAlone(benchmark::State& state) { parse(state, kReport, {kReport}, true); }
BENCHMARK(BM_ParseFollow);
BENCHMARK(BM_ParseReport);
BENCHMARK(BM_ParseReportAlone);

void BM_ParseFollowInPieces(benchmark::State& state) {
  parse(state, kFollow, pieces_of(kFollow, static_cast<std::size_t>(state.range(0))));
}
void BM_ParseReportInPieces(benchmark::State& state) {
  parse(state, kReport, pieces_of(kReport, static_cast<std::size_t>(state.range(0))));
}
BENCHMARK(BM_ParseFollowInPieces)->Arg(1)->Arg(16)->Arg(256);
BENCHMARK(BM_ParseReportInPieces)->Arg(1)->Arg(16)->Arg(256);

}  // namespace
}  // namespace progressd

// progressctl bench: how fast a running server delivers. The load generator does it
// (tools/sseload): this creates a job, gives it the flags, and takes the job away again.
#include <fmt/format.h>
#include <sys/prctl.h>

#include <cstdio>
#include <memory>
#include <random>
#include <vector>

#include "tools/progressctl/cli.h"
#include "tools/progressctl/exit_status.h"
#include "tools/progressctl/http.h"
#include "tools/progressctl/live_lines.h"
#include "tools/progressctl/terminal_text.h"
#include "tools/sseload/load_run.h"
#include "tools/sseload/options.h"
#include "tools/sseload/report.h"
#include "tools/sseload/stream_socket.h"

namespace progressd::ctl {
namespace {

constexpr std::uint64_t kOtherDescriptors = 32;
constexpr std::string_view kTotal = "9007199254740991";  // 2^53 - 1: no bench comes to its end

struct BenchFlags {
  std::uint32_t streams = 100;
  std::string rate = "max";
  Millis length_ms = 5'000;
  bool allows_remote = false;
};

std::vector<std::string> load_flags(const BenchFlags& flags, const Settings& settings,
                                    const std::string& path) {
  std::vector<std::string> words{"sseload",
                                 settings.url + path + "/events",
                                 "--connections",
                                 std::to_string(flags.streams),
                                 "--publish-url",
                                 settings.url + path,
                                 "--publish-method",
                                 "PATCH",
                                 "--publish-body",
                                 R"({"done":{iseq},"message":"{now_us}"})",
                                 "--publish-rate",
                                 flags.rate,
                                 "--hold",
                                 duration_text(flags.length_ms),
                                 "--seq-field",
                                 "done",
                                 "--time-field",
                                 "message",
                                 "--unchecked-event",
                                 "snapshot",
                                 "--quiet"};
  if (!settings.token.empty()) {
    words.insert(words.end(), {"--header", "Authorization: Bearer " + settings.token});
  }
  if (flags.allows_remote) words.emplace_back("--allow-remote");
  return words;
}

Result<int> measure(std::vector<std::string> words, const Settings& settings) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  const auto parsed = sseload::parse_options(static_cast<int>(argv.size()), argv.data());
  if (!parsed) return fail(Errc::kInvalid, parsed.error().detail);
  const std::optional<sseload::Options>& options = *parsed;
  if (!options) return fail(Errc::kInvalid, "bench: these flags only ask for help");
  if (options->streams.connections + kOtherDescriptors > sseload::raise_descriptor_limit()) {
    return fail(Errc::kInvalid, "--streams: more than the descriptor limit allows (ulimit -Hn)");
  }
  prctl(PR_SET_TIMERSLACK, 1UL);  // a fixed publish rate needs waits that end on time
  sseload::LoadRun load(*options);
  if (!load.run()) return fail(Errc::kUnavailable, "epoll or signalfd is not to be had");
  const sseload::Report report = sseload::make_report(*options, load);
  if (!draws(settings)) {
    const Result<std::string> line = minified_json(sseload::to_json(report));
    if (!line) return tl::unexpected(line.error());
    fmt::print("{}\n", *line);
  } else {
    fmt::print("{}", sseload::to_text(report));
  }
  return report.is_ok ? kExitOk : kExitFailed;
}

Result<int> bench(const BenchFlags& flags, const Settings& settings) {
  const std::string id = fmt::format("bench-{:08x}", std::random_device{}());
  const std::string path = "/v1/jobs/" + id;
  Transfers transfers;
  const Result<Answer> created = call(
      transfers, settings,
      json_request("POST", "/v1/jobs",
                   fmt::format(R"({{"id":"{}","kind":"bench","runner":"external","total":{}}})", id,
                               kTotal)));
  if (!created) return tl::unexpected(created.error());
  Result<int> status = measure(load_flags(flags, settings, path), settings);
  const Result<Answer> removed = call(transfers, settings, {.method = "DELETE", .target = path});
  if (status && !removed) return tl::unexpected(removed.error());
  return status;
}

}  // namespace

void add_bench(Cli& cli) {
  const auto flags = std::make_shared<BenchFlags>();
  CLI::App* const command =
      cli.add_command("bench", "Measures a running server: streams of one job, deliveries, latency",
                      [flags, &cli] { return bench(*flags, cli.settings()); });
  command->footer(
      "It takes the server's time: readers of other jobs notice. With authentication it wants a\n"
      "token with jobs:report, and --max-streams-per-user bounds its streams.");
  command->add_option("--streams", flags->streams, "Streams that follow the job")
      ->type_name("NUMBER")
      ->capture_default_str();
  command
      ->add_option("--rate", flags->rate, "Reports per second; max: as fast as they are answered")
      ->type_name("NUMBER")
      ->capture_default_str();
  add_duration(*command, "--duration", flags->length_ms, "How long to report");
  command->add_flag("--allow-remote", flags->allows_remote, "Also a server on another machine");
}

}  // namespace progressd::ctl

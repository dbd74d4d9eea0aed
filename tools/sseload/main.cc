// Why: puts the parts together: flags → run → report → exit status.
#include <fmt/format.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>

#include "load_run.h"
#include "options.h"
#include "report.h"
#include "stream_socket.h"

namespace sseload {
namespace {

enum ExitStatus : int { kHeld = 0, kFailed = 1, kBadFlags = 2 };

constexpr std::uint64_t kOtherDescriptors = 32;

int tell(ExitStatus status, std::string_view detail) {
  fmt::print(stderr, "sseload: {}\n", detail);
  return status;
}

bool write_json(const std::string& path, const std::string& json) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"),
                                                             &std::fclose);
  return file && std::fwrite(json.data(), 1, json.size(), file.get()) == json.size() &&
         std::fflush(file.get()) == 0;
}

int deliver(const Report& report) {
  const Options& options = report.options;
  const bool is_json_on_stdout = options.json_path == "-";
  if (is_json_on_stdout) fmt::print("{}", to_json(report));
  if (!options.is_quiet) fmt::print(is_json_on_stdout ? stderr : stdout, "{}", to_text(report));
  if (!options.json_path.empty() && !is_json_on_stdout &&
      !write_json(options.json_path, to_json(report))) {
    return tell(kFailed, fmt::format("--json: {} can't be written", options.json_path));
  }
  return report.is_ok ? kHeld : kFailed;
}

int run_load(int argc, char** argv) {
  const auto parsed = parse_options(argc, argv);
  if (!parsed) return tell(kBadFlags, parsed.error().detail);
  const std::optional<Options>& given = *parsed;
  if (!given) return kHeld;  // --help
  const Options& options = *given;
  const std::uint64_t limit = raise_descriptor_limit();
  const std::uint64_t needed =
      options.streams.connections + options.publish.connections + kOtherDescriptors;
  if (needed > limit) {
    return tell(
        kBadFlags,
        fmt::format("--connections: {} descriptors are needed, the hard limit is {} (ulimit -Hn)",
                    needed, limit));
  }
  std::signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_TIMERSLACK, 1UL);  // a fixed publish rate needs waits that end on time
  LoadRun run(options);
  if (!run.run()) return tell(kFailed, "epoll or signalfd is not to be had");
  return deliver(make_report(options, run));
}

}  // namespace
}  // namespace sseload

int main(int argc, char** argv) { return sseload::run_load(argc, argv); }

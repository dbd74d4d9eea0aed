// progressctl cancel: cancels jobs.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "tools/progressctl/cli.h"
#include "tools/progressctl/exit_status.h"
#include "tools/progressctl/http.h"
#include "tools/progressctl/live_lines.h"
#include "tools/progressctl/terminal_text.h"

namespace progressd::ctl {
namespace {

/// Each is tried, whatever became of the others.
Result<int> cancel(const std::vector<std::string>& ids, const Settings& settings) {
  Transfers transfers;
  int status = kExitOk;
  for (const std::string& id : ids) {
    const Result<Answer> answer =
        call(transfers, settings,
             {.method = "POST", .target = "/v1/jobs/" + url_encoded(id) + "/cancel"});
    const Result<std::string> line = answer.and_then([&](const Answer& cancelled) {
      return draws(settings) ? Result<std::string>(printable(id) + " cancelled")
                             : json_line(cancelled);
    });
    if (line) {
      fmt::print("{}\n", *line);
    } else {
      fmt::print(stderr, "progressctl: {}: {}\n", printable(id), printable(line.error().detail));
      status = kExitServer;
    }
  }
  return status;
}

}  // namespace

void add_cancel(Cli& cli) {
  const auto ids = std::make_shared<std::vector<std::string>>();
  CLI::App* const command = cli.add_command("cancel", "Cancels jobs",
                                            [ids, &cli] { return cancel(*ids, cli.settings()); });
  command->add_option("ID", *ids, "The jobs")->type_name("")->required();
}

}  // namespace progressd::ctl

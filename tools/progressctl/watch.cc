// progressctl watch: follows jobs.
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "core/jobs/job_input.h"
#include "tools/progressctl/cli.h"
#include "tools/progressctl/follow.h"

namespace progressd::ctl {
namespace {

struct WatchFlags {
  std::vector<std::string> ids;
  std::string owner;
  std::string kind;
  bool all = false;
};

Result<FollowPlan> plan_of(const WatchFlags& flags) {
  const int ways = (flags.ids.empty() ? 0 : 1) + (flags.owner.empty() ? 0 : 1) +
                   (flags.kind.empty() ? 0 : 1) + (flags.all ? 1 : 0);
  if (ways != 1) {
    return fail(Errc::kInvalid, "watch what? Either IDs, --owner, --kind or --all");
  }
  FollowPlan plan;
  plan.target = "/v1/events?";
  for (const std::string& id : flags.ids) {
    if (!is_job_id(id)) return fail(Errc::kInvalid, fmt::format("'{}' is no id of a job", id));
    if (plan.wanted.insert(id).second) plan.target += fmt::format("job={}&", id);
  }
  if (plan.wanted.size() == 1) plan.target = fmt::format("/v1/jobs/{}/events", flags.ids.front());
  if (!flags.owner.empty()) plan.target += "owner=" + url_encoded(flags.owner);
  if (!flags.kind.empty()) plan.target += "kind=" + url_encoded(flags.kind);
  if (flags.all) plan.target += "all=true";
  if (plan.target.ends_with('&')) plan.target.pop_back();
  return plan;
}

Result<int> watch(const WatchFlags& flags, const Settings& settings) {
  const Result<FollowPlan> plan = plan_of(flags);
  if (!plan) return tl::unexpected(plan.error());
  Signals signals;
  Transfers transfers;
  return follow(transfers, settings, signals, *plan);
}

}  // namespace

void add_watch(Cli& cli) {
  const auto flags = std::make_shared<WatchFlags>();
  CLI::App* const command =
      cli.add_command("watch", "Follows jobs: bars on a terminal, events in a pipe",
                      [flags, &cli] { return watch(*flags, cli.settings()); });
  command->footer(
      "With IDs it ends when these jobs are over, and the exit status is the worst of theirs; "
      "else\n"
      "Ctrl-C ends it. A connection that is cut is made anew, and no event is missed or told "
      "twice;\n"
      "where the server no longer has them all, a gap event says so, and snapshots follow.");
  command->add_option("ID", flags->ids, "Jobs to follow to their end")->type_name("");
  command->add_option("--owner", flags->owner, "All of a user's jobs, new ones too; me: one's own")
      ->type_name("USER");
  command->add_option("--kind", flags->kind, "All jobs of a kind, new ones too")->type_name("KIND");
  command->add_flag("--all", flags->all, "All jobs, new ones too");
}

}  // namespace progressd::ctl

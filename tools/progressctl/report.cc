// progressctl report: a worker's side. Makes a job of what a program writes.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <vector>

#include "core/base/json_write.h"
#include "core/base/utf8.h"
#include "core/jobs/job_input.h"
#include "tools/progressctl/cli.h"
#include "tools/progressctl/http.h"
#include "tools/progressctl/job_view.h"
#include "tools/progressctl/report_run.h"

namespace progressd::ctl {
namespace {

constexpr Millis kIntervalMsMin = 20;

struct ReportFlags {
  std::string job;  // an existing one; empty: one is made
  std::string id;
  std::string kind;
  std::string owner;
  Millis stall_after_ms = 0;  // 0: never
  std::optional<std::int64_t> total;
  std::string percent_regex;
  std::string fail_on;
  ReportPlan plan;
};

std::string creation_json(const ReportFlags& flags) {
  JsonWriter out;
  out.begin_object();
  out.field("runner", "external");
  if (!flags.id.empty()) out.field("id", flags.id);
  if (!flags.kind.empty()) out.field("kind", flags.kind);
  if (!flags.owner.empty()) out.field("owner", flags.owner);
  if (flags.total) out.field("total", *flags.total);
  if (flags.stall_after_ms != 0) out.field("stallAfterMs", flags.stall_after_ms);
  out.end_object();
  return std::string(out.view());
}

Result<void> check(const ReportFlags& flags) {
  for (const std::string* text : {&flags.id, &flags.kind, &flags.owner}) {
    if (!is_utf8(*text)) return fail(Errc::kInvalid, "report: a flag's value is not UTF-8");
  }
  if (!flags.job.empty() && !is_job_id(flags.job)) {
    return fail(Errc::kInvalid, fmt::format("'{}' is no id of a job", flags.job));
  }
  if (flags.plan.interval_ms < kIntervalMsMin) {
    return fail(Errc::kInvalid, fmt::format("--interval: at least {} ms", kIntervalMsMin));
  }
  if (flags.plan.with_stderr && flags.plan.command.empty()) {
    return fail(Errc::kInvalid, "--stderr: it is a command's; give one behind --");
  }
  return {};
}

Result<ReportInput> input_of(const ReportFlags& flags, const JobView& job) {
  ReportInput input;
  if (!flags.percent_regex.empty()) {
    Result<Pattern> pattern = Pattern::compile("--percent-regex", flags.percent_regex);
    if (!pattern) return tl::unexpected(pattern.error());
    input.percent = std::move(*pattern);
  }
  if (!flags.fail_on.empty()) {
    Result<Pattern> pattern = Pattern::compile("--fail-on", flags.fail_on);
    if (!pattern) return tl::unexpected(pattern.error());
    input.fail_on = std::move(*pattern);
  }
  input.total = flags.total;
  input.begin({job.done, flags.total.value_or(job.total), ""});
  return input;
}

Result<int> report(const ReportFlags& flags, const Settings& settings) {
  if (const Result<void> checked = check(flags); !checked) return tl::unexpected(checked.error());
  // What is wrong with a pattern is said before there is a job.
  if (const Result<ReportInput> tried = input_of(flags, {}); !tried) {
    return tl::unexpected(tried.error());
  }
  Transfers transfers;
  const Result<Answer> answer =
      call(transfers, settings,
           flags.job.empty() ? creation_request(creation_json(flags))
                             : Request{.target = "/v1/jobs/" + flags.job});
  if (!answer) return tl::unexpected(answer.error());
  JobView job;
  JsonReader reader;
  if (const Result<void> read = update(job, reader, answer->body); !read) {
    return fail(Errc::kUnavailable, "the server's answer is no job: " + read.error().detail);
  }
  if (is_terminal(job.state)) {
    return fail(Errc::kUnavailable, fmt::format("job {} is {}", job.id, state_name(job.state)));
  }
  Result<ReportInput> input = input_of(flags, job);
  if (!input) return tl::unexpected(input.error());
  ReportPlan plan = flags.plan;
  plan.made_job = flags.job.empty();
  return run_report(transfers, settings, job.id, std::move(*input), plan);
}

void add_input_flags(CLI::App& command, ReportFlags& flags) {
  command.add_option("--total", flags.total, "Lines to come; without it the total grows with them")
      ->type_name("NUMBER")
      ->check(CLI::Range(std::int64_t{1}, kTotalMax).description(""));
  command
      .add_option("--percent-regex", flags.percent_regex,
                  "Lines are not counted: where this POSIX extended expression matches, its first "
                  "group, or all of it, is the percent")
      ->type_name("RE");
  command.add_option("--fail-on", flags.fail_on, "A line that matches means that the job failed")
      ->type_name("RE");
  command.add_flag("--tee", flags.plan.tees, "The lines go on to standard output, as they are");
  command.add_flag("--stderr", flags.plan.with_stderr,
                   "The command's standard error counts too, and not only its output");
  add_duration(command, "--interval", flags.plan.interval_ms,
               "Between two reports; of what comes meanwhile the newest is reported");
}

}  // namespace

void add_report(Cli& cli) {
  const auto flags = std::make_shared<ReportFlags>();
  CLI::App* const command = cli.add_command(
      "report", "Makes a job of what a program writes: each line is a message, and counts one",
      [flags, &cli] { return report(*flags, cli.settings()); });
  command->footer(
      "  some-command | progressctl report --kind import\n"
      "  progressctl report --kind import --percent-regex '([0-9]+)%' -- some-command "
      "--its-flags\n\n"
      "At the end of its input the job is completed. A command that is run here fails its job "
      "when\n"
      "it fails, and its exit status is the one of progressctl. When somebody cancels the job, "
      "the\n"
      "command gets SIGTERM, and SIGKILL 10 s later, and the exit status is 3; where standard "
      "input\n"
      "is no terminal, all that it has started gets them, too. Reports that don't arrive stop no\n"
      "command; but where the token may not report at all, nothing is run.");
  const auto add = [&](const char* flag, std::string& target, const char* help, const char* type) {
    command->add_option(flag, target, help)->type_name(type);
  };
  command->add_option("COMMAND", flags->plan.command, "Behind --: runs it, and reads its output")
      ->type_name("");
  add("--job", flags->job, "Reports on this job, which is there already", "ID");
  add("--id", flags->id, "The new job's id; else the server makes one", "ID");
  add("--kind", flags->kind, "Its kind", "KIND");
  add("--owner", flags->owner, "Whose it is; else one's own", "USER");
  add_duration(*command, "--stall-after", flags->stall_after_ms,
               "It fails when nothing is reported for so long; 0: never");
  add_input_flags(*command, *flags);
}

}  // namespace progressd::ctl

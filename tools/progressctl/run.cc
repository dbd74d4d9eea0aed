// progressctl run: creates a job and follows it to its end.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "core/base/json_write.h"
#include "core/base/utf8.h"
#include "tools/progressctl/cli.h"
#include "tools/progressctl/exit_status.h"
#include "tools/progressctl/follow.h"
#include "tools/progressctl/job_view.h"
#include "tools/progressctl/terminal_text.h"

namespace progressd::ctl {
namespace {

struct RunFlags {
  std::string id;
  std::string kind;
  std::string owner;
  std::string runner;
  std::string message;
  std::string failed_reason;
  std::string result;  // JSON
  std::string idempotency_key;
  std::optional<std::int64_t> total;
  std::optional<std::int64_t> step_ms;
  std::optional<std::int64_t> step_work;
  std::optional<std::int64_t> fail_at;
  std::optional<std::int64_t> repeat;
  bool detach = false;
  bool leave_on_interrupt = false;
};

Result<std::string> creation_json(const RunFlags& flags) {
  JsonWriter out;
  out.begin_object();
  for (const auto& [name, value] :
       {std::pair{"id", &flags.id}, std::pair{"kind", &flags.kind},
        std::pair{"owner", &flags.owner}, std::pair{"runner", &flags.runner},
        std::pair{"message", &flags.message}, std::pair{"failedReason", &flags.failed_reason}}) {
    if (!is_utf8(*value)) return fail(Errc::kInvalid, fmt::format("{}: not UTF-8", name));
    if (!value->empty()) out.field(name, *value);
  }
  for (const auto& [name, value] :
       {std::pair{"total", flags.total}, std::pair{"stepMs", flags.step_ms},
        std::pair{"stepWork", flags.step_work}, std::pair{"failAt", flags.fail_at},
        std::pair{"repeat", flags.repeat}}) {
    if (value) out.field(name, *value);
  }
  if (!flags.result.empty()) {
    const Result<std::string> result = minified_json(flags.result);
    if (!result) return fail(Errc::kInvalid, "--result: " + result.error().detail);
    out.key("result");
    out.raw(*result);
  }
  out.end_object();
  return std::string(out.view());
}

Result<int> run_job(const RunFlags& flags, const Settings& settings) {
  const Result<std::string> body = creation_json(flags);
  if (!body) return tl::unexpected(body.error());
  Request request = creation_request(*body);
  if (!flags.idempotency_key.empty()) {
    if (printable(flags.idempotency_key) != flags.idempotency_key) {
      return fail(Errc::kInvalid, "--idempotency-key: it can't stand in a header line");
    }
    request.header_lines.push_back("Idempotency-Key: " + flags.idempotency_key);
  }
  Transfers transfers;
  const Result<Answer> created = call(transfers, settings, request);
  if (!created) return tl::unexpected(created.error());
  JobView job;
  JsonReader reader;
  if (const Result<void> read = update(job, reader, created->body); !read) {
    return fail(Errc::kUnavailable, "the server's answer is no job: " + read.error().detail);
  }
  if (flags.detach) {
    const Result<std::string> line = settings.json ? json_line(*created) : printable(job.id);
    if (!line) return tl::unexpected(line.error());
    fmt::print("{}\n", *line);
    return kExitOk;
  }
  const std::string path = "/v1/jobs/" + url_encoded(job.id);
  Signals signals;
  bool asked_to_cancel = false;
  const auto cancel_first = [&] {
    if (flags.leave_on_interrupt || std::exchange(asked_to_cancel, true)) return false;
    // Whether it was over already or can't be cancelled, the stream tells what became of it.
    return call(transfers, settings, {.method = "POST", .target = path + "/cancel"}).has_value();
  };
  return follow(transfers, settings, signals, {path + "/events", {job.id}, cancel_first});
}

void add_numbers(CLI::App& command, RunFlags& flags) {
  const auto add = [&](const char* flag, std::optional<std::int64_t>& target, const char* help) {
    command.add_option(flag, target, help)->type_name("NUMBER");
  };
  add("--total", flags.total, "Steps; the server's default is 100");
  add("--step-ms", flags.step_ms, "timer: milliseconds between two steps; 100");
  add("--step-work", flags.step_work, "cpu: milliseconds of computing a step takes; 10");
  add("--fail-at", flags.fail_at, "It fails at this step");
  add("--repeat", flags.repeat, "Rounds; 0: for ever");
}

}  // namespace

void add_run(Cli& cli) {
  const auto flags = std::make_shared<RunFlags>();
  CLI::App* const command =
      cli.add_command("run", "Creates a job that the server runs, and follows it to its end",
                      [flags, &cli] { return run_job(*flags, cli.settings()); });
  command->footer(
      "Exit status: 0 completed, 1 failed, 3 cancelled. Ctrl-C cancels the job and waits for its\n"
      "end; pressed again, it leaves the job as it is, with 130. A job belongs to the trace that "
      "the\n"
      "environment names as TRACEPARENT, if it does.");
  const auto add = [&](const char* flag, std::string& target, const char* help, const char* type) {
    command->add_option(flag, target, help)->type_name(type);
  };
  add("--id", flags->id, "Its id; else the server makes one", "ID");
  add("--kind", flags->kind, "Its kind", "KIND");
  add("--owner", flags->owner, "Whose it is; else one's own", "USER");
  command->add_option("--runner", flags->runner, "Who does the work; the server's default is timer")
      ->type_name("RUNNER")
      ->check(CLI::IsMember({"timer", "cpu", "external"}));
  add_numbers(*command, *flags);
  add("--message", flags->message, "Its first message", "TEXT");
  add("--failed-reason", flags->failed_reason, "What --fail-at gives as its reason", "TEXT");
  add("--result", flags->result, "Its result on completion", "JSON");
  add("--idempotency-key", flags->idempotency_key, "The same key again makes no second job", "KEY");
  command->add_flag("--detach", flags->detach, "Only create it, and write its id");
  command->add_flag("--leave-on-interrupt", flags->leave_on_interrupt,
                    "Ctrl-C leaves the job as it is at once");
}

}  // namespace progressd::ctl

// progressctl list: jobs, newest first.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "tools/progressctl/bar.h"
#include "tools/progressctl/cli.h"
#include "tools/progressctl/exit_status.h"
#include "tools/progressctl/http.h"
#include "tools/progressctl/job_view.h"
#include "tools/progressctl/live_lines.h"
#include "tools/progressctl/terminal_text.h"

namespace progressd::ctl {
namespace {

constexpr std::size_t kPageJobsMax = 500;  // the server's bound
constexpr std::size_t kJobBytesMax = 2 * kResultBytesMax;

struct ListFlags {
  std::string state;
  std::string kind;
  std::string owner;
  std::size_t limit = 50;  // 0: all
};

struct Page {
  std::vector<std::string> jobs;  // JSON, each on one line
  std::string next;               // empty: this is the last one
};

Result<Page> read_page(JsonReader& reader, std::string_view text) {
  Page page;
  const Result<void> read =
      reader.read_copied_object(text, [&](std::string_view name, JsonValue& value) -> Result<void> {
        if (name == "next") {
          return value.string(name, SIZE_MAX).map([&](std::string_view next) { page.next = next; });
        }
        if (name != "jobs") return {};
        return value.elements(name, [&](JsonValue& job) {
          return job.json(name, kJobBytesMax).map([&](std::string json) {
            page.jobs.push_back(std::move(json));
          });
        });
      });
  if (!read)
    return fail(Errc::kUnavailable, "the server's answer is no list: " + read.error().detail);
  return page;
}

std::string target_of(const ListFlags& flags, std::size_t limit, const std::string& cursor) {
  std::string target = fmt::format("/v1/jobs?limit={}", limit);
  for (const auto& [name, value] :
       {std::pair{"state", &flags.state}, std::pair{"kind", &flags.kind},
        std::pair{"owner", &flags.owner}, std::pair{"cursor", &cursor}}) {
    if (!value->empty()) target += fmt::format("&{}={}", name, url_encoded(*value));
  }
  return target;
}

std::size_t name_columns(std::size_t columns) { return std::min(columns, kMadeIdColumns); }

/// On a terminal: what stands over the table.
void print_header() {
  const std::size_t columns = terminal_size().columns;
  const std::string text =
      fmt::format("{} {:<9}{:>5}  {:<12}  {}", fitted("ID", name_columns(columns)), "STATE", "DONE",
                  "KIND", "OWNER  MESSAGE");
  fmt::print("{}\n", cut(text, columns));
}

/// On a terminal: a line of the table.
Result<void> print_line(JsonReader& reader, const std::string& json, const Settings& settings) {
  JobView job;
  if (const Result<void> read = update(job, reader, json); !read) return read;
  const std::size_t columns = terminal_size().columns;
  std::string rest = fmt::format("  {}  {}", fitted(printable(job.kind), 12), printable(job.owner));
  if (!job.message.empty()) rest += "  " + printable(job.message);
  if (!job.failed_reason.empty()) rest += "  " + printable(job.failed_reason);
  const std::string name = fitted(printable(job.id), name_columns(columns));
  const std::string state(state_name(job.state));
  const std::string percent = fmt::format("{:>4.0f}%", job.share() * 100);
  const std::size_t used = columns_of(name) + 1 + 9 + percent.size();
  fmt::print("{} {}{}{}\n", name, colored(fitted(state, 9), job.state, draws_colors(settings)),
             percent, cut(rest, columns - std::min(columns, used)));
  return {};
}

Result<int> list(const ListFlags& flags, const Settings& settings) {
  Transfers transfers;
  JsonReader reader;
  std::size_t left = flags.limit == 0 ? SIZE_MAX : flags.limit;
  std::string cursor;
  if (draws(settings)) print_header();
  do {
    const Result<Answer> answer = call(
        transfers, settings, {.target = target_of(flags, std::min(left, kPageJobsMax), cursor)});
    if (!answer) return tl::unexpected(answer.error());
    const Result<Page> page = read_page(reader, answer->body);
    if (!page) return tl::unexpected(page.error());
    for (const std::string& job : page->jobs) {
      if (!draws(settings)) {
        fmt::print("{}\n", job);
      } else if (const Result<void> printed = print_line(reader, job, settings); !printed) {
        return fail(Errc::kUnavailable, "the server's answer is no job: " + printed.error().detail);
      }
    }
    left -= std::min(left, page->jobs.size());
    cursor = page->next;
  } while (left > 0 && !cursor.empty());
  return kExitOk;
}

}  // namespace

void add_list(Cli& cli) {
  const auto flags = std::make_shared<ListFlags>();
  CLI::App* const command =
      cli.add_command("list", "Lists jobs, newest first: a table on a terminal",
                      [flags, &cli] { return list(*flags, cli.settings()); });
  command->add_option("--state", flags->state, "Only jobs in this state")
      ->type_name("STATE")
      ->check(CLI::IsMember({"pending", "active", "completed", "failed", "cancelled"}));
  command->add_option("--kind", flags->kind, "Only jobs of this kind")->type_name("KIND");
  command->add_option("--owner", flags->owner, "Only this user's jobs; me: one's own")
      ->type_name("USER");
  command->add_option("--limit", flags->limit, "At most so many; 0: all")
      ->type_name("NUMBER")
      ->capture_default_str();
}

}  // namespace progressd::ctl

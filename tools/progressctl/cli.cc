#include "tools/progressctl/cli.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "net/config_flags.h"
#include "tools/progressctl/exit_status.h"
#include "tools/progressctl/terminal_text.h"

namespace progressd::ctl {
namespace {

constexpr std::size_t kHelpColumn = 30;

constexpr const char* kDescription =
    "progressctl: the command line of progressd.\n"
    "It starts, follows, reports on and cancels jobs, and looks after a server.\n";

constexpr const char* kFooter =
    "On a terminal run, watch, list and top draw; in a pipe they write a JSON object a line.\n"
    "report writes nothing of its own there.\n"
    "--url, --token-file, --json and --no-color can stand behind a command, too.\n\n"
    "Exit status: 0 done, or the job completed; 1 the job failed, or the token is not accepted;\n"
    "2 a flag or an argument is wrong, or a file with a token or a key can't be read; 3 the job "
    "was\n"
    "cancelled; 4 no server answers, it says no, or no copy can be made; 128 and a signal's "
    "number: ended by that signal (Ctrl-C: 130).";

std::string version_text() { return fmt::format("progressctl {}", PROGRESSD_VERSION); }

}  // namespace

Cli::Cli() : app_(kDescription, "progressctl") {
  app_.footer(kFooter);
  app_.set_version_flag("--version", version_text());
  app_.get_formatter()->column_width(kHelpColumn);
  app_.require_subcommand(1);
  app_.add_option_function<std::string>(
          "--url",
          [this](const std::string& text) {
            const Result<std::string> url = parse_server_url(text);
            if (!url) throw CLI::ValidationError(url.error().detail);
            settings_.url = *url;
          },
          "The server")
      ->type_name("URL")
      ->default_str(settings_.url)
      ->envname("PROGRESSCTL_URL");
  app_.add_option("--token-file", token_file_,
                  "File with the token to show to the server; else PROGRESSCTL_TOKEN is it")
      ->type_name("PATH")
      ->envname("PROGRESSCTL_TOKEN_FILE");
  app_.add_flag("--json", settings_.json, "JSON lines on a terminal too");
  app_.add_flag("--no-color", settings_.no_color, "No colours; NO_COLOR in the environment, too");
}

CLI::App* Cli::add_command(const std::string& name, const std::string& help, Run run) {
  CLI::App* const command = app_.add_subcommand(name, help);
  command->fallthrough();
  command->callback([this, run = std::move(run)] { chosen_ = run; });
  return command;
}

int Cli::complain(const CLI::ParseError& error) {
  // What was not expected may be a token in a wrong place, which must not land in a log.
  const bool may_hold_token = app_.got_subcommand("check-token") &&
                              dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  const std::vector<std::string> unknown = app_.remaining();
  if (app_.get_subcommands().empty() && !unknown.empty()) {
    fmt::print(stderr, "progressctl: '{}' is no command or flag\nSee progressctl --help.\n",
               printable(unknown.front()));
    return kExitUsage;
  }
  std::string what = printable(error.what());
  if (may_hold_token) {
    what = "check-token: only one argument, the token, is expected";
  } else if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const std::vector<CLI::App*> commands = app_.get_subcommands();
    const auto flag = no_such_flag(app_.remaining(/*recurse=*/true), {&app_, commands.front()});
    if (flag) what = printable(*flag);
  }
  fmt::print(stderr, "progressctl: {}\nSee progressctl --help.\n", what);
  return kExitUsage;
}

int Cli::run(int argc, const char* const* argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::Success& shown) {  // --help, --version
    return app_.exit(shown);
  } catch (const CLI::ParseError& error) {
    return complain(error);
  }
  return run_chosen();
}

int Cli::run_chosen() {
  const Result<std::string> token = read_token(token_file_);
  const Result<int> status =
      token ? (settings_.token = *token, chosen_()) : tl::unexpected(token.error());
  if (status) return *status;
  fmt::print(stderr, "progressctl: {}\n", printable(status.error().detail));
  return status.error().code == Errc::kInvalid ? kExitUsage : kExitServer;
}

CLI::Option* add_duration(CLI::App& command, const std::string& flag, Millis& target,
                          const std::string& help) {
  return command
      .add_option_function<std::string>(
          flag,
          [flag, &target](const std::string& text) {
            const Result<Millis> length = parse_duration(text);
            if (!length) throw CLI::ValidationError(flag, length.error().detail);
            target = *length;
          },
          help)
      ->type_name("DURATION")
      ->default_str(duration_text(target));
}

}  // namespace progressd::ctl

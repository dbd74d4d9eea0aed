// What every command is declared on: the flags that all of them share, and how one is chosen.
// A command's file has one function `add_…(Cli&)`: it declares the command's flags and what runs
// when it is chosen. Help, completions and man pages all come from these declarations.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "core/base/result.h"
#include "core/base/time_text.h"
#include "tools/progressctl/settings.h"

namespace progressd::ctl {

class Cli {
 public:
  /// The exit status. Errors: kInvalid for what the caller should have written otherwise, the
  /// others for what went wrong.
  using Run = std::function<Result<int>()>;

  Cli();

  /// A command, which runs when it is chosen.
  CLI::App* add_command(const std::string& name, const std::string& help, Run run);
  /// Reads the command line and runs the command that it names. The exit status.
  int run(int argc, const char* const* argv);

  CLI::App& app() { return app_; }
  Settings& settings() { return settings_; }

 private:
  int run_chosen();
  int complain(const CLI::ParseError& error);

  CLI::App app_;
  Settings settings_;
  std::string token_file_;
  Run chosen_;
};

/// A flag whose value is written like 500ms, 15s, 24h.
CLI::Option* add_duration(CLI::App& command, const std::string& flag, Millis& target,
                          const std::string& help);

// The commands, each in a file of its name.
void add_run(Cli& cli);
void add_watch(Cli& cli);
void add_report(Cli& cli);
void add_list(Cli& cli);
void add_cancel(Cli& cli);
void add_top(Cli& cli);
void add_token(Cli& cli);
void add_check_token(Cli& cli);
void add_backup(Cli& cli);
void add_bench(Cli& cli);
void add_reference(Cli& cli);  // completion and man

}  // namespace progressd::ctl

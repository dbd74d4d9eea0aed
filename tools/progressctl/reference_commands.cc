// progressctl completion and progressctl man: for the shell and for man(1), out of what --help
// says.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "tools/progressctl/child.h"
#include "tools/progressctl/cli.h"
#include "tools/progressctl/exit_status.h"
#include "tools/progressctl/reference.h"
#include "tools/progressctl/signals.h"

namespace progressd::ctl {
namespace {

/// Another program's help. It ends by itself.
Result<std::string> help_of_program(const std::string& path, std::vector<std::string> words) {
  words.insert(words.begin(), path);
  words.emplace_back("--help");
  sigset_t signals;
  sigemptyset(&signals);
  const Result<Child> child = Child::start(words, false, signals);
  if (!child) return tl::unexpected(child.error());
  std::string text;
  std::array<char, 4096> room;
  ssize_t count = 0;
  while ((count = read(child->output(), room.data(), room.size())) > 0) {
    text.append(room.data(), static_cast<std::size_t>(count));
  }
  return text;
}

std::string help_of_command(const CLI::App& program, const std::vector<std::string>& words) {
  const CLI::App* app = &program;
  std::string name = program.get_name();
  for (const std::string& word : words) {
    app = app->get_subcommand(word);
    name += " " + word;
  }
  // Not App::help(): that is about the command which was chosen.
  return program.get_formatter()->make_help(app, name, CLI::AppFormatMode::Normal);
}

Result<Reference> reference_of(const std::string& path, const CLI::App& own) {
  if (path.empty()) {
    return read_reference(own.get_name(), [&](const std::vector<std::string>& words) {
      return Result<std::string>(help_of_command(own, words));
    });
  }
  return read_reference(
             path.substr(path.rfind('/') + 1),
             [&](const std::vector<std::string>& words) { return help_of_program(path, words); })
      .map_error([&](const Error& error) {
        return Error{error.code, fmt::format("{}: {}", path, error.detail)};
      });
}

Result<int> print(const Result<Reference>& reference, std::string (*write)(const Reference&)) {
  if (!reference) return tl::unexpected(reference.error());
  fmt::print("{}", write(*reference));
  return kExitOk;
}

}  // namespace

void add_reference(Cli& cli) {
  struct Flags {
    std::string shell;
    std::string program;
  };
  const auto flags = std::make_shared<Flags>();
  const auto add_program = [flags](CLI::App& command) {
    command.add_option("--program", flags->program, "For this one instead: progressd or sseload")
        ->type_name("PATH");
  };
  CLI::App* const completion = cli.add_command(
      "completion", "Writes a completion script for a shell to standard output", [flags, &cli] {
        return print(reference_of(flags->program, cli.app()),
                     flags->shell == "bash"  ? bash_completion
                     : flags->shell == "zsh" ? zsh_completion
                                             : fish_completion);
      });
  completion->add_option("SHELL", flags->shell, "The shell")
      ->type_name("")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  add_program(*completion);
  CLI::App* const man = cli.add_command(
      "man", "Writes the man page to standard output",
      [flags, &cli] { return print(reference_of(flags->program, cli.app()), man_page); });
  add_program(*man);
}

}  // namespace progressd::ctl

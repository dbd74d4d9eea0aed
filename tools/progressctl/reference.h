// What a program's --help says, as data: what man pages and completions are made from, so that
// nothing is written twice. The program may be this one, or progressd or sseload beside it: all of
// them write their help with CLI11's formatter.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace progressd::ctl {

/// A flag or a positional argument.
struct ReferenceItem {
  std::vector<std::string> names;    // `-h` and `--help`, or `ID`
  std::string value;                 // `PATH`; empty: it takes none
  std::string default_text;          // empty: none
  std::string variable;              // of the environment; empty: none
  std::vector<std::string> choices;  // the values that it takes, if they are few
  bool is_required = false;
  std::string help;
};

struct ReferenceGroup {
  std::string title;
  std::vector<ReferenceItem> items;
};

struct Reference {
  std::string name = {};  // `run`; of the program: `progressctl`
  std::string description = {};
  std::string usage = {};
  std::vector<ReferenceItem> positionals = {};
  std::vector<ReferenceGroup> groups = {};
  std::vector<Reference> commands = {};  // of each at least the name and the description
  std::string footer = {};
};

/// Reads the help text of one program or command.
/// Errors: kInvalid, when it has not the form that CLI11 writes.
Result<Reference> read_help(std::string_view text);

/// The same with all its commands. `help_of`: the help of the command with these words, none for
/// the program itself.
using HelpOf = std::function<Result<std::string>(const std::vector<std::string>& words)>;
Result<Reference> read_reference(const std::string& program, const HelpOf& help_of);

/// In the groff macros of man(7).
std::string man_page(const Reference& reference);

/// Scripts for the shells.
std::string bash_completion(const Reference& reference);
std::string zsh_completion(const Reference& reference);
std::string fish_completion(const Reference& reference);

}  // namespace progressd::ctl

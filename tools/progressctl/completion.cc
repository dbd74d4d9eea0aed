// Completion scripts. What is offered: commands, flags, and the values of flags that take few, or
// files. Sources: bash(1), "Programmable Completion"; zshcompsys(1), _arguments; fish complete(1).
#include <fmt/format.h>

#include <string>
#include <vector>

#include "tools/progressctl/reference.h"

namespace progressd::ctl {
namespace {

std::vector<const ReferenceItem*> flags_of(const Reference& reference) {
  std::vector<const ReferenceItem*> flags;
  for (const ReferenceGroup& group : reference.groups) {
    for (const ReferenceItem& item : group.items) flags.push_back(&item);
  }
  return flags;
}

bool is_file(const ReferenceItem& item) { return item.value == "PATH"; }
bool is_file_name(const std::string& positional) {
  return positional == "PATH" || positional == "DEST";
}

std::string with_backslashes(std::string_view text, std::string_view before) {
  std::string out;
  for (const char c : text) {
    if (before.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

/// In single quotes for bash and zsh.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

std::string words_of(const Reference& reference) {
  std::string words;
  for (const Reference& command : reference.commands) words += command.name + " ";
  for (const ReferenceItem* flag : flags_of(reference)) {
    for (const std::string& name : flag->names) words += name + " ";
  }
  for (const ReferenceItem& item : reference.positionals) {
    for (const std::string& choice : item.choices) words += choice + " ";
  }
  if (!words.empty()) words.pop_back();
  return words;
}

bool takes_files(const Reference& reference) {
  for (const ReferenceItem& item : reference.positionals) {
    if (is_file_name(item.names.front())) return true;
  }
  return false;
}

/// The cases of bash's `case COMMAND:FLAG` for the flags of one command; `any`: of all.
std::string bash_values(const Reference& reference, const std::string& command) {
  std::string cases;
  for (const ReferenceItem* flag : flags_of(reference)) {
    if (flag->value.empty()) continue;
    std::string patterns;
    for (const std::string& name : flag->names) {
      patterns += fmt::format("{}{}:{}", patterns.empty() ? "" : "|", command, name);
    }
    const std::string values = fmt::format("{}", fmt::join(flag->choices, " "));
    cases +=
        fmt::format("    {}) {} ;;\n", patterns,
                    is_file(*flag) ? "mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); return"
                                   : fmt::format("mapfile -t COMPREPLY < <(compgen -W {} -- "
                                                 "\"$current\"); return",
                                                 quoted(values)));
  }
  return cases;
}

std::string zsh_flag(const ReferenceItem& flag) {
  std::string lines;
  for (const std::string& name : flag.names) {
    std::string spec = name + "[" + with_backslashes(flag.help, "[]\\") + "]";
    if (!flag.value.empty()) {
      spec += ":" + with_backslashes(flag.value, ":\\") + ":";
      if (is_file(flag)) spec += "_files";
      if (!flag.choices.empty()) spec += fmt::format("({})", fmt::join(flag.choices, " "));
    }
    lines += fmt::format(" \\\n    {}", quoted(spec));
  }
  return lines;
}

std::string zsh_arguments(const Reference& reference) {
  std::string text = "_arguments -s";
  for (const ReferenceItem* flag : flags_of(reference)) text += zsh_flag(*flag);
  for (const ReferenceItem& item : reference.positionals) {
    const std::string name = with_backslashes(item.names.front(), ":\\");
    std::string action = is_file_name(item.names.front()) ? "_files" : " ";
    if (!item.choices.empty()) action = fmt::format("({})", fmt::join(item.choices, " "));
    text += fmt::format(" \\\n    {}", quoted(fmt::format("*:{}:{}", name, action)));
    break;  // the others are of the same kind
  }
  if (!reference.commands.empty()) {
    std::string names;
    for (const Reference& command : reference.commands) names += command.name + " ";
    names.pop_back();
    text += fmt::format(" \\\n    {}", quoted(fmt::format("1:command:({})", names)));
  }
  return text;
}

std::string fish_flag(const ReferenceItem& flag, const std::string& program,
                      const std::string& condition) {
  std::string line = fmt::format("complete -c {}{}", program, condition);
  for (const std::string& name : flag.names) {
    const bool is_long = name.starts_with("--");
    line += is_long ? " -l " : " -s ";
    line += name.substr(is_long ? 2 : 1);
  }
  if (!flag.value.empty()) line += is_file(flag) ? " -rF" : " -x";
  if (!flag.choices.empty()) line += fmt::format(" -a '{}'", fmt::join(flag.choices, " "));
  return fmt::format("{} -d '{}'\n", line, with_backslashes(flag.help, "'\\"));
}

}  // namespace

std::string bash_completion(const Reference& reference) {
  std::string names;
  std::string values = bash_values(reference, "*");
  std::string words;
  std::string files;
  for (const Reference& command : reference.commands) {
    names += (names.empty() ? "" : "|") + command.name;
    values.insert(0, bash_values(command, command.name));
    words += fmt::format("    {}) words={} ;;\n", command.name,
                         quoted(words_of(command) + " " + words_of({.groups = reference.groups})));
    if (takes_files(command)) files += (files.empty() ? "" : "|") + command.name;
  }
  if (names.empty()) names = "''";
  if (files.empty()) files = "''";
  return fmt::format(
      "# bash completion for {0}\n"
      "_{0}() {{\n"
      "  local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}\n"
      "  local command='' word words\n"
      "  for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n"
      "    case $word in {1}) command=$word; break ;; esac\n"
      "  done\n"
      "  case $command:$before in\n{2}  esac\n"
      "  case $command in\n{3}    *) words={4} ;;\n  esac\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
      "  case $command in {5}) [[ $current == -* ]] ||\n"
      "    mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;; esac\n"
      "}}\n"
      "complete -F _{0} {0}\n",
      reference.name, names, values, words, quoted(words_of(reference)), files);
}

std::string zsh_completion(const Reference& reference) {
  std::string cases;
  std::string described;
  for (const Reference& command : reference.commands) {
    cases += fmt::format("      {}) {} ;;\n", command.name, zsh_arguments(command));
    described += fmt::format(
        "    {}\n", quoted(with_backslashes(command.name, ":") + ":" + command.description));
  }
  if (reference.commands.empty()) {
    return fmt::format("#compdef {0}\n_{0}() {{\n  {1}\n}}\n_{0} \"$@\"\n", reference.name,
                       zsh_arguments(reference));
  }
  std::string flags;
  for (const ReferenceItem* flag : flags_of(reference)) flags += zsh_flag(*flag);
  return fmt::format(
      "#compdef {0}\n"
      "_{0}() {{\n"
      "  local context state state_descr line\n"
      "  typeset -A opt_args\n"
      "  local -a commands\n"
      "  commands=(\n{1}  )\n"
      "  _arguments -C{2} \\\n    '1:command:->command' '*::argument:->argument'\n"
      "  case $state in\n"
      "    command) _describe command commands ;;\n"
      "    argument) case $line[1] in\n{3}    esac ;;\n"
      "  esac\n"
      "}}\n"
      "_{0} \"$@\"\n",
      reference.name, described, flags, cases);
}

std::string fish_completion(const Reference& reference) {
  std::string text = fmt::format("complete -c {} -f\n", reference.name);
  for (const ReferenceItem* flag : flags_of(reference)) {
    text += fish_flag(*flag, reference.name, "");
  }
  for (const Reference& command : reference.commands) {
    text += fmt::format("complete -c {} -n __fish_use_subcommand -a {} -d '{}'\n", reference.name,
                        command.name, with_backslashes(command.description, "'\\"));
    const std::string condition = fmt::format(" -n '__fish_seen_subcommand_from {}'", command.name);
    for (const ReferenceItem* flag : flags_of(command)) {
      text += fish_flag(*flag, reference.name, condition);
    }
    std::string words;
    for (const Reference& inner : command.commands) words += inner.name + " ";
    for (const ReferenceItem& item : command.positionals) {
      for (const std::string& choice : item.choices) words += choice + " ";
    }
    if (!words.empty()) {
      words.pop_back();
      text += fmt::format("complete -c {}{} -a '{}'\n", reference.name, condition, words);
    }
    if (takes_files(command))
      text += fmt::format("complete -c {}{} -F\n", reference.name, condition);
  }
  return text;
}

}  // namespace progressd::ctl

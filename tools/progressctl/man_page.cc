// Man pages. Source: groff_man(7).
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "tools/progressctl/reference.h"

namespace progressd::ctl {
namespace {

/// `text` as it is: nothing in it is a command or an escape of groff's.
std::string literal(std::string_view text) {
  std::string out;
  bool at_line_start = true;
  for (const char c : text) {
    if (at_line_start && (c == '.' || c == '\'')) out += "\\&";
    at_line_start = c == '\n';
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";  // a minus, which can be copied
    } else if (c == '\'') {
      out += "\\(aq";
    } else {
      out += c;
    }
  }
  return out;
}

/// As an argument of a macro.
std::string quoted(std::string_view text) {
  std::string out = literal(text);
  for (std::size_t at = 0; (at = out.find('"', at)) != std::string::npos; at += 4) {
    out.replace(at, 1, "\\(dq");
  }
  return '"' + out + '"';
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

/// Line by line as it was written.
std::string verbatim(std::string_view text) {
  return text.empty() ? "" : fmt::format(".PP\n.nf\n{}\n.fi\n", literal(text));
}

std::string item_text(const ReferenceItem& item) {
  std::string names;
  for (const std::string& name : item.names) {
    names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", literal(name));
  }
  if (!item.value.empty()) names += fmt::format(" \\fI{}\\fR", literal(item.value));
  std::string facts;
  const auto add = [&](std::string_view what, const std::string& fact) {
    if (!fact.empty()) facts += fmt::format("{}{}{}", facts.empty() ? "" : "; ", what, fact);
  };
  add("one of ", fmt::format("{}", fmt::join(item.choices, ", ")));
  add("default: ", item.default_text);
  add("environment: ", item.variable);
  if (item.is_required) facts += facts.empty() ? "required" : "; required";
  std::string help = item.help;
  if (!facts.empty()) help += fmt::format("{}({})", help.empty() ? "" : " ", facts);
  return fmt::format(".TP\n{}\n{}\n", names, help.empty() ? "\\&" : literal(help));
}

std::string items_text(const Reference& reference, bool with_titles) {
  std::string text;
  for (const ReferenceItem& item : reference.positionals) text += item_text(item);
  for (const ReferenceGroup& group : reference.groups) {
    if (with_titles) text += fmt::format(".SS {}\n", quoted(group.title));
    for (const ReferenceItem& item : group.items) text += item_text(item);
  }
  return text;
}

std::string commands_text(const Reference& reference, const std::string& prefix) {
  std::string text;
  for (const Reference& command : reference.commands) {
    const std::string name = prefix + command.name;
    text += fmt::format(".SS {}\n{}\n", quoted(name), literal(command.description));
    text += items_text(command, false);
    // A command without words of its own has its parent's.
    if (command.footer != reference.footer) text += verbatim(command.footer);
    text += commands_text(command, name + " ");
  }
  return text;
}

/// What a program is, without its name before it.
std::string summary_of(const Reference& reference) {
  std::string_view summary = reference.description;
  summary = summary.substr(0, summary.find('\n'));
  for (const std::string& prefix : {reference.name + ": ", reference.name + " "}) {
    if (summary.starts_with(prefix)) summary.remove_prefix(prefix.size());
  }
  if (summary.ends_with('.')) summary.remove_suffix(1);
  return std::string(summary);
}

}  // namespace

std::string man_page(const Reference& reference) {
  std::string text = fmt::format(
      ".TH {} 1 \"\" {} \"User Commands\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B {}\n"
      ".SH DESCRIPTION\n{}\n.SH OPTIONS\n{}",
      quoted(upper(reference.name)), quoted(fmt::format("progressd {}", PROGRESSD_VERSION)),
      literal(reference.name), literal(summary_of(reference)), literal(reference.usage),
      literal(reference.description), items_text(reference, reference.groups.size() > 1));
  if (!reference.commands.empty()) {
    text += ".SH COMMANDS\n" + commands_text(reference, "");
  }
  if (!reference.footer.empty()) text += ".SH NOTES\n" + verbatim(reference.footer);
  return text;
}

}  // namespace progressd::ctl

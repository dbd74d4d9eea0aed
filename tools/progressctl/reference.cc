#include "tools/progressctl/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace progressd::ctl {
namespace {

constexpr std::string_view kUsage = "Usage: ";
constexpr std::string_view kHelpFlag = "  -h,--help ";
constexpr std::string_view kPositionals = "Positionals";
constexpr std::string_view kSubcommands = "Subcommands";
constexpr int kDepthMax = 3;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \n") - first + 1));
}

std::string joined(const std::vector<std::string>& lines, std::size_t from, std::size_t to) {
  std::string text;
  for (std::size_t i = from; i < to; ++i) text += lines[i] + "\n";
  while (text.ends_with('\n')) text.pop_back();
  while (text.starts_with('\n')) text.erase(0, 1);
  return text;
}

/// Takes `word` off the end of `text`, if it is there.
bool take_suffix(std::string& text, std::string_view word) {
  if (!text.ends_with(word)) return false;
  text = trimmed(std::string_view(text).substr(0, text.size() - word.size()));
  return true;
}

/// `--listen ADDRESS:PORT=127.0.0.1:8080 ... (Env:PROGRESSD_LISTEN)`
ReferenceItem read_item(std::string_view text) {
  ReferenceItem item;
  const std::size_t end = std::min(text.find(' '), text.size());
  std::string names(text.substr(0, end));
  for (std::size_t at = 0; at < names.size();) {
    const std::size_t comma = std::min(names.find(',', at), names.size());
    item.names.push_back(names.substr(at, comma - at));
    at = comma + 1;
  }
  std::string rest = trimmed(text.substr(end));
  if (const std::size_t env = rest.find("(Env:"); env != std::string::npos) {
    const std::size_t close = rest.find(')', env);
    item.variable = rest.substr(env + 5, close - env - 5);
    rest = trimmed(rest.erase(env, close + 1 - env));
  }
  take_suffix(rest, "...");
  item.is_required = take_suffix(rest, "REQUIRED");
  take_suffix(rest, "...");
  if (const std::size_t equals = rest.find('='); equals != std::string::npos) {
    item.default_text = rest.substr(equals + 1);
    rest.resize(equals);
  }
  if (const std::size_t open = rest.find(":{"); open != std::string::npos) {
    const std::string list = rest.substr(open + 2, rest.find('}', open) - open - 2);
    for (std::size_t at = 0; at < list.size();) {
      const std::size_t comma = std::min(list.find(',', at), list.size());
      item.choices.push_back(list.substr(at, comma - at));
      at = comma + 1;
    }
    rest.resize(open);
  }
  item.value = rest;
  return item;
}

class HelpReader {
 public:
  explicit HelpReader(std::string_view text) : lines_(lines_of(text)) {}

  Result<Reference> read() {
    Reference reference;
    const auto starts_with = [](std::string_view with) {
      return [with](const std::string& line) { return line.starts_with(with); };
    };
    const auto usage = std::find_if(lines_.begin(), lines_.end(), starts_with(kUsage));
    const auto help = std::find_if(lines_.begin(), lines_.end(), starts_with(kHelpFlag));
    if (usage == lines_.end() || help == lines_.end()) {
      return fail(Errc::kInvalid, "this is no help as CLI11 writes it");
    }
    column_ = help->find_first_not_of(' ', kHelpFlag.size());
    at_ = static_cast<std::size_t>(usage - lines_.begin());
    reference.description = joined(lines_, 0, at_);
    reference.usage = lines_[at_].substr(kUsage.size());
    for (++at_; at_ < lines_.size();) {
      if (lines_[at_].empty()) {
        ++at_;
      } else if (is_title()) {
        read_group(reference);
      } else {
        break;
      }
    }
    reference.footer = joined(lines_, at_, lines_.size());
    return reference;
  }

 private:
  /// Whether a group begins here. A footer may have a line that looks like one.
  bool is_title() const {
    if (!lines_[at_].ends_with(':') || at_ + 1 == lines_.size()) return false;
    const std::string title = lines_[at_].substr(0, lines_[at_].size() - 1);
    return title == kPositionals || title == kSubcommands || lines_[at_ + 1].starts_with("  -");
  }

  void read_group(Reference& reference) {
    const std::string title = lines_[at_].substr(0, lines_[at_].size() - 1);
    ReferenceGroup group{title, {}};
    for (++at_; at_ < lines_.size() && lines_[at_].starts_with("  ");) {
      const auto [left, help] = read_row();
      if (title == kSubcommands) {
        reference.commands.push_back({.name = left, .description = help});
        continue;
      }
      group.items.push_back(read_item(left));
      group.items.back().help = help;
    }
    if (title == kPositionals) {
      reference.positionals = std::move(group.items);
    } else if (title != kSubcommands) {
      reference.groups.push_back(std::move(group));
    }
  }

  /// A name and its help, which stands in its column: behind the name, or below it if that is long.
  std::pair<std::string, std::string> read_row() {
    const std::string& line = lines_[at_++];
    const std::string indent(column_, ' ');
    const bool has_below = at_ < lines_.size() && lines_[at_].starts_with(indent);
    std::string left = has_below || line.size() <= column_ ? line : line.substr(0, column_);
    std::string help = has_below || line.size() <= column_ ? "" : line.substr(column_);
    while (at_ < lines_.size() && lines_[at_].starts_with(indent)) {
      help += (help.empty() ? "" : " ") + trimmed(lines_[at_++]);
    }
    return {trimmed(left), trimmed(help)};
  }

  const std::vector<std::string> lines_;
  std::size_t column_ = 0;
  std::size_t at_ = 0;
};

Result<Reference> read_deep(const HelpOf& help_of, std::vector<std::string> words) {
  const Result<std::string> text = help_of(words);
  if (!text) return tl::unexpected(text.error());
  Result<Reference> reference = read_help(*text);
  if (!reference || words.size() == kDepthMax) return reference;
  for (Reference& command : reference->commands) {
    words.push_back(command.name);
    Result<Reference> whole = read_deep(help_of, words);
    if (!whole) return whole;
    whole->name = command.name;
    command = std::move(*whole);
    words.pop_back();
  }
  return reference;
}

}  // namespace

Result<Reference> read_help(std::string_view text) { return HelpReader(text).read(); }

Result<Reference> read_reference(const std::string& program, const HelpOf& help_of) {
  return read_deep(help_of, {}).map([&](Reference reference) {
    reference.name = program;
    return reference;
  });
}

}  // namespace progressd::ctl

#include "net/config_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "core/base/nearest.h"

extern char** environ;

namespace progressd {
namespace {

constexpr std::string_view kConfigFlag = "--config";
constexpr std::string_view kEnvironmentPrefix = "PROGRESSD_";

bool is_argument_of(std::string_view argument, std::string_view flag) {
  return argument.starts_with(flag) &&
         (argument.size() == flag.size() || argument[flag.size()] == '=');
}

bool is_given(const std::vector<std::string>& arguments, std::string_view flag) {
  return std::any_of(arguments.begin(), arguments.end(),
                     [&](const std::string& argument) { return is_argument_of(argument, flag); });
}

/// The value of a flag on the command line; none when it is not there, or has none.
std::optional<std::string> value_of(const std::vector<std::string>& arguments,
                                    std::string_view flag) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!is_argument_of(arguments[i], flag)) continue;
    if (arguments[i].size() > flag.size()) return arguments[i].substr(flag.size() + 1);
    if (i + 1 < arguments.size()) return arguments[i + 1];
  }
  return std::nullopt;
}

/// Flags that have a variable are those that a file may set, too; --config is one only in the
/// first.
std::vector<const CLI::Option*> settable(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return !option->get_envname().empty(); });
}

/// A variable that nearly is a flag's is a slip. Others are no business of ours: Kubernetes gives
/// every container a PROGRESSD_SERVICE_HOST where a service is called progressd.
Result<void> check_environment(const CLI::App& app) {
  std::vector<std::string> known;
  for (const CLI::Option* option : settable(app)) {
    known.push_back(option->get_envname().substr(kEnvironmentPrefix.size()));
  }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!text.starts_with(kEnvironmentPrefix)) continue;
    const std::string_view name = text.substr(0, text.find('=')).substr(kEnvironmentPrefix.size());
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    if (const std::optional<std::string> meant = nearest(name, known)) {
      return fail(Errc::kInvalid,
                  fmt::format("the environment's {0}{1} is no flag's: did you mean {0}{2}?",
                              kEnvironmentPrefix, name, *meant));
    }
  }
  return {};
}

Result<void> check_file(const CLI::App& app, const std::vector<Setting>& settings) {
  std::vector<std::string> known;
  for (const CLI::Option* option : settable(app)) {
    if (option->get_name() != kConfigFlag) known.push_back(option->get_name().substr(2));
  }
  for (const Setting& setting : settings) {
    const std::string name = setting.flag.substr(2);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const std::optional<std::string> meant = nearest(name, known);
      return fail(Errc::kInvalid,
                  fmt::format("{}: '{}' is no flag{}", setting.origin, name,
                              meant ? fmt::format(": did you mean {}?", *meant) : ""));
    }
  }
  return {};
}

/// As TOML writes it: a literal, or quoted.
std::string toml_text(std::string_view value) {
  const bool is_number = !value.empty() && value.size() < 16 &&
                         value.find_first_not_of("0123456789") == std::string_view::npos &&
                         (value == "0" || value.front() != '0');
  if (is_number || value == "true" || value == "false") return std::string(value);
  std::string text = "\"";
  for (const char c : value) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      text += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
      continue;
    }
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

}  // namespace

Result<ConfigSources> ConfigSources::gather(const CLI::App& app,
                                            std::vector<std::string> arguments) {
  ConfigSources sources;
  sources.arguments_ = std::move(arguments);
  if (Result<void> checked = check_environment(app); !checked) {
    return tl::unexpected(checked.error());
  }
  for (const CLI::Option* option : settable(app)) {
    const std::string& variable = option->get_envname();
    const char* const value = std::getenv(variable.c_str());
    if (value == nullptr || *value == '\0') continue;
    if (is_given(sources.arguments_, option->get_name())) continue;
    sources.settings_.push_back({option->get_name(), {value}, "the environment's " + variable});
  }
  const auto add_settings = [&](std::size_t from) {
    for (std::size_t i = from; i < sources.settings_.size(); ++i) {
      for (const std::string& value : sources.settings_[i].values) {
        sources.arguments_.push_back(sources.settings_[i].flag + "=" + value);
      }
    }
  };
  add_settings(0);
  const std::optional<std::string> path = value_of(sources.arguments_, kConfigFlag);
  if (!path) return sources;
  Result<std::vector<Setting>> settings = read_config_file(*path);
  if (!settings) return tl::unexpected(settings.error());
  if (Result<void> checked = check_file(app, *settings); !checked) {
    return tl::unexpected(checked.error());
  }
  const std::size_t before = sources.settings_.size();
  for (Setting& setting : *settings) {
    if (is_given(sources.arguments_, setting.flag)) continue;
    sources.settings_.push_back(std::move(setting));
  }
  add_settings(before);
  return sources;
}

std::string_view ConfigSources::origin(std::string_view flag) const {
  for (const Setting& setting : settings_) {
    if (setting.flag == flag) return setting.origin;
  }
  return {};
}

std::string shown(const CLI::App& app, const ConfigSources& sources) {
  std::string text;
  for (const CLI::Option* option : settable(app)) {
    const std::string name = option->get_name().substr(2);
    const bool is_on_off = option->get_items_expected_min() == 0;
    const std::string_view origin = sources.origin(option->get_name());
    std::string line;
    if (option->count() > 0 && option->get_name() != kConfigFlag) {
      const std::vector<std::string>& values = option->results();
      std::vector<std::string> written;
      for (const std::string& value : values) written.push_back(toml_text(value));
      line = option->get_items_expected_max() > 1
                 ? fmt::format("{} = [{}]", name, fmt::join(written, ", "))
                 : fmt::format("{} = {}", name, written.back());
    } else if (option->count() > 0) {
      line = fmt::format("# {} = {}", name, toml_text(option->results().back()));
    } else if (is_on_off) {
      line = fmt::format("# {} = false", name);
    } else {
      const std::string& value = option->get_default_str();
      // A default in words, "one per processor", is none that could be written.
      const bool is_value = value.find(' ') == std::string::npos;
      line = fmt::format("# {}{}{}", name, value.empty() ? "" : " = ",
                         is_value && !value.empty() ? toml_text(value) : value);
    }
    const std::string_view from = option->count() == 0 ? "default"
                                  : origin.empty()     ? "the command line"
                                                       : origin;
    text += fmt::format("{:<44} # {}\n", line, from);
  }
  return text;
}

}  // namespace progressd

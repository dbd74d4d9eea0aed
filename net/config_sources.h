// Where the values of flags come from: a config file, over it the environment, over that the
// command line. All of them end up as arguments, so that a value means the same wherever it stands.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "net/config_file.h"

namespace progressd {

class ConfigSources {
 public:
  /// `arguments`: the command line, without the program's name. `app` has all flags, with their
  /// environment variables, among them --config.
  /// Errors: kInvalid: the file can't be read or is malformed; it, or the environment, has a name
  /// that is no flag's.
  static Result<ConfigSources> gather(const CLI::App& app, std::vector<std::string> arguments);

  /// All of it as one command line.
  const std::vector<std::string>& arguments() const { return arguments_; }
  /// Where the value of a flag stands, in words; empty: on the command line, or nowhere.
  std::string_view origin(std::string_view flag) const;

 private:
  std::vector<std::string> arguments_;
  std::vector<Setting> settings_;  // that count, not of the command line
};

/// Every flag as TOML, good as a config file, and behind each where it comes from; what is only a
/// default stands in a comment.
std::string shown(const CLI::App& app, const ConfigSources& sources);

}  // namespace progressd

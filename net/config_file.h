// A config file: TOML, flat, each key a flag's name without its dashes.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"

namespace progressd {

/// What a file or the environment says of a flag.
struct Setting {
  std::string flag;  // with its dashes
  std::vector<std::string> values;
  std::string origin;  // for people: "progressd.toml, line 3"
};

inline constexpr std::size_t kConfigFileBytesMax = 1024 * 1024;

/// Errors: kInvalid, with the file's name and the line: not to be read, not TOML, or a value that
/// no flag has (a table, a date).
Result<std::vector<Setting>> read_config_file(const std::string& path);
/// The same of a text; `name` is what its errors call it.
Result<std::vector<Setting>> parse_config(std::string_view text, std::string_view name);

}  // namespace progressd

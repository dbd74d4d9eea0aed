// What the program is asked for: to run, or to tell of its configuration.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace progressd {

inline constexpr const char* kConfigUses =
    "progressd config check [FLAGS]  says whether all of it is right, and starts nothing\n"
    "progressd config show [FLAGS]   prints all values as TOML, and where each comes from";

enum class Action : std::uint8_t { kRun, kCheck, kShow, kHelp };

/// Takes `config` and the word behind it from the front of the command line.
/// Errors: kInvalid, where that word is none of them.
Result<Action> take_action(std::vector<std::string>& arguments);

}  // namespace progressd

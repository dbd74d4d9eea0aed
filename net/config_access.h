// The flags that say who may do what.
#pragma once

#include <CLI/CLI.hpp>

#include "net/access/settings.h"

namespace progressd {

void add_access_flags(CLI::App& app, AccessSettings& access);

/// Behind the parsing: what flags say together. Throws a CLI::ValidationError that names one.
void check_access(const CLI::App& app, AccessSettings& access);

}  // namespace progressd

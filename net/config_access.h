// The flags that say who may do what.
#pragma once

#include <CLI/CLI.hpp>

#include "net/access/settings.h"

namespace progressd {

/// Of them those that say which tokens are good: for whoever checks tokens and is no server.
void add_token_flags(CLI::App& app, AccessSettings& access);

void add_access_flags(CLI::App& app, AccessSettings& access);

/// Behind the parsing: what flags say together. Throws a CLI::ValidationError that names one.
void check_access(const CLI::App& app, AccessSettings& access);

}  // namespace progressd

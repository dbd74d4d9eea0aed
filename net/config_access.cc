#include "net/config_access.h"

#include <fmt/format.h>

#include <string>

#include "net/access/browser_rules.h"
#include "net/config_flags.h"

namespace progressd {
namespace {

constexpr const char* kGroup = "Who may do what";
constexpr const char* kKeyFlags = "--jwt-secret-file, --jwt-public-key or --jwks-file";

bool is_given(const CLI::App& app, const std::string& flag) {
  return app.get_option(flag)->count() > 0;
}

void add_key_flag(Flags& flags, const std::string& flag, KeyFileKind kind, AccessSettings& access,
                  const std::string& help) {
  flags.parsed(flag, help, "PATH", "", [flag, kind, &access](const std::string& path) {
    if (access.keys) {
      throw CLI::ValidationError(flag, fmt::format("only one of {} can be given", kKeyFlags));
    }
    access.keys = Flags::value_or_throw(flag, KeySet::open(kind, path));
  });
}

/// A text of which nothing else is asked than that it is there.
void add_text_flag(Flags& flags, const std::string& flag, std::string& target,
                   const std::string& help) {
  flags.parsed(flag, help, "TEXT", "", [flag, &target](const std::string& text) {
    if (text.empty()) throw CLI::ValidationError(flag, "must not be empty");
    target = text;
  });
}

}  // namespace

void add_token_flags(CLI::App& app, AccessSettings& access) {
  Flags flags(app, kGroup);
  add_key_flag(flags, "--jwt-secret-file", KeyFileKind::kSecret, access,
               "Tokens are signed with HS256 and the secret in this file, of 32 bytes or more");
  add_key_flag(flags, "--jwt-public-key", KeyFileKind::kPublicKey, access,
               "Tokens are signed with RS256 or ES256; this PEM file has the public key");
  add_key_flag(flags, "--jwks-file", KeyFileKind::kJwks, access,
               "The same with a JSON Web Key Set, which is read again when it has changed");
  add_text_flag(flags, "--jwt-audience", access.token_rules.audience,
                "A token must name this in its aud");
  add_text_flag(flags, "--jwt-issuer", access.token_rules.issuer, "A token must have this iss");
  flags.on_off("--jwt-require-exp", access.token_rules.exp_required, "A token must have an exp");
}

void add_access_flags(CLI::App& app, AccessSettings& access) {
  Flags flags(app, kGroup);
  flags.parsed("--auth",
               "none: anybody everything; jwt: what their token says. A key below means jwt",
               "MODE", "none", [](const std::string& mode) {
                 check_member("--auth", mode, {"none", "jwt"});
               });
  add_token_flags(app, access);
  flags.parsed(
      "--ticket-secret-file",
      "Tickets for streams are signed with the secret in this file, of 32 bytes or more, "
      "which all nodes share. Without it, with --jwt-secret-file's; else they are good for "
      "the process alone that issued them",
      "PATH", "", [&access](const std::string& path) {
        access.ticket_secret =
            Flags::value_or_throw("--ticket-secret-file", KeySet::open(KeyFileKind::kSecret, path));
      });
  flags.on_off("--no-query-token", access.query_token_ignored,
               "A token does not count as ?access_token=, where logs of others may keep it");
  flags.list("--cors-origin", access.cors_origins,
             "Pages of this origin may read the answers; several: again, or with commas; *: all. "
             "Without it: all with auth off, none with auth on",
             "ORIGIN", kCorsOriginsMax, parse_origin);
  flags.list("--allow-host", access.allowed_hosts,
             "With auth off on loopback, requests may name this Host too; several: again, or with "
             "commas",
             "HOST", kAllowedHostsMax, parse_host);
}

void check_access(const CLI::App& app, AccessSettings& access) {
  if (is_given(app, "--auth")) {
    const bool on = app.get_option("--auth")->as<std::string>() == "jwt";
    if (on && !access.keys) {
      throw CLI::ValidationError("--auth", fmt::format("jwt needs a key: add {}", kKeyFlags));
    }
    if (!on && access.keys) {
      throw CLI::ValidationError("--auth", "none, and yet there is a key to check tokens with");
    }
  }
  // Who gives one of these believes that tokens are checked.
  for (const char* flag :
       {"--jwt-audience", "--jwt-issuer", "--jwt-require-exp", "--ticket-secret-file"}) {
    if (is_given(app, flag) && !access.keys) {
      throw CLI::ValidationError(flag, fmt::format("needs a key: add {}", kKeyFlags));
    }
  }
  if (access.keys && !is_given(app, "--cors-origin")) access.cors_origins.clear();
}

}  // namespace progressd

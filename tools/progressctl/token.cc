// progressctl token: makes a token.
#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "core/base/json_write.h"
#include "core/base/utf8.h"
#include "core/jobs/job.h"
#include "net/access/caller.h"
#include "net/access/jwt.h"
#include "tools/progressctl/cli.h"
#include "tools/progressctl/exit_status.h"
#include "tools/progressctl/terminal_text.h"
#include "tools/progressctl/token_signing.h"

namespace progressd::ctl {
namespace {

struct TokenFlags {
  std::string secret_file;
  std::string key_file;
  TokenClaims claims;
  Millis ttl_ms = 3'600'000;  // 0: for ever
};

Result<int> make_token(TokenFlags flags, bool as_json) {
  for (const std::string* text : {&flags.claims.sub, &flags.claims.scope, &flags.claims.audience,
                                  &flags.claims.issuer, &flags.claims.kid}) {
    if (!is_utf8(*text)) return fail(Errc::kInvalid, "a claim is not UTF-8");
  }
  if (flags.claims.sub.empty() || flags.claims.sub.size() > kOwnerBytesMax) {
    return fail(Errc::kInvalid, fmt::format("--sub: must be 1 to {} bytes", kOwnerBytesMax));
  }
  if (flags.claims.sub == kAnonymous) {
    return fail(Errc::kInvalid,
                fmt::format("--sub: no server takes {}, who is nobody's user", kAnonymous));
  }
  for (const std::string& scope : CLI::detail::split(flags.claims.scope, ' ')) {
    if (scope.empty() || scope == kReportScope || scope == kAdminScope) continue;
    fmt::print(stderr, "progressctl: {}: no such scope; there are {}, {}\n", printable(scope),
               kReportScope, kAdminScope);
  }
  if (flags.secret_file.empty() == flags.key_file.empty()) {
    return fail(Errc::kInvalid, "token needs one key: --secret-file or --private-key");
  }
  const Result<SigningKey> key =
      flags.secret_file.empty() ? private_key(flags.key_file) : signing_secret(flags.secret_file);
  if (!key) return tl::unexpected(key.error());
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  flags.claims.issued_at = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  if (flags.ttl_ms != 0) flags.claims.expires_at = flags.claims.issued_at + flags.ttl_ms / 1000;
  const Result<std::string> token = signed_token(*key, flags.claims);
  if (!token) return tl::unexpected(token.error());
  if (token->size() > kTokenBytesMax) {
    return fail(
        Errc::kInvalid,
        fmt::format("the token takes more than {} bytes: no server takes it", kTokenBytesMax));
  }
  if (!as_json) {
    fmt::print("{}\n", *token);
    return kExitOk;
  }
  JsonWriter out;
  out.begin_object();
  out.field("token", *token);
  out.key("expiresAt");
  flags.claims.expires_at ? out.string(Rfc3339(*flags.claims.expires_at * 1000).view())
                          : out.null();
  out.end_object();
  fmt::print("{}\n", out.view());
  return kExitOk;
}

}  // namespace

void add_token(Cli& cli) {
  const auto flags = std::make_shared<TokenFlags>();
  CLI::App* const command =
      cli.add_command("token", "Makes a token, and writes it to standard output",
                      [flags, &cli] { return make_token(*flags, cli.settings().json); });
  command
      ->add_option("--secret-file", flags->secret_file,
                   "Signs with HS256 and the secret in this file: the server's --jwt-secret-file")
      ->type_name("PATH");
  command
      ->add_option("--private-key", flags->key_file,
                   "Signs with RS256 or ES256; this PEM file has the private key")
      ->type_name("PATH");
  command->add_option("--sub", flags->claims.sub, "The user")->type_name("USER")->required();
  command
      ->add_option("--scope", flags->claims.scope,
                   "What more they may do, with spaces between: jobs:report jobs:admin")
      ->type_name("SCOPES");
  add_duration(*command, "--ttl", flags->ttl_ms, "How long it is good; 0: for ever");
  command->add_option("--kid", flags->claims.kid, "Which of a key set's keys this is")
      ->type_name("ID");
  command->add_option("--audience", flags->claims.audience, "Its aud: the server's --jwt-audience")
      ->type_name("TEXT");
  command->add_option("--issuer", flags->claims.issuer, "Its iss: the server's --jwt-issuer")
      ->type_name("TEXT");
}

}  // namespace progressd::ctl

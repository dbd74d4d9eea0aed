// progressctl check-token: what a server with the same flags would say of a token. The server's own
// code says it.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <iterator>
#include <memory>

#include "core/base/json_write.h"
#include "net/access/jwt.h"
#include "net/config_access.h"
#include "tools/progressctl/cli.h"
#include "tools/progressctl/exit_status.h"
#include "tools/progressctl/terminal_text.h"

namespace progressd::ctl {
namespace {

struct CheckFlags {
  std::string token;  // as an argument; empty or -: it is elsewhere
  AccessSettings access;
};

Result<std::string> token_to_check(const CheckFlags& flags, const std::string& configured) {
  if (!flags.token.empty() && flags.token != "-") return parse_token(flags.token, "TOKEN");
  if (flags.token.empty() && !configured.empty()) return configured;
  std::string text(kTokenBytesMax + 2, '\0');  // a line end may follow
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::cin.gcount()));
  return parse_token(text, "standard input");
}

void write_json(const Result<Caller>& caller) {
  JsonWriter out;
  out.begin_object();
  out.key("accepted");
  out.boolean(caller.has_value());
  if (caller) {
    out.field("user", caller->user);
    out.key("reports");
    out.boolean(caller->reports);
    out.key("administers");
    out.boolean(caller->administers);
    out.key("acceptedUntil");
    caller->expires_at == 0 ? out.null() : out.string(Rfc3339(caller->expires_at * 1000).view());
  } else {
    out.field("detail", caller.error().detail);
  }
  out.end_object();
  fmt::print("{}\n", out.view());
}

void write_text(const Result<Caller>& caller) {
  if (!caller) return fmt::print("not accepted: {}\n", printable(caller.error().detail));
  const std::string_view may = caller->administers ? "everything (jobs:admin)"
                               : caller->reports   ? "their own jobs, and reports (jobs:report)"
                                                   : "their own jobs";
  fmt::print("accepted\nuser   {}\nmay    {}\nuntil  {}\n", printable(caller->user), may,
             caller->expires_at == 0 ? "for ever" : Rfc3339(caller->expires_at * 1000).view());
}

Result<int> check_token(CheckFlags& flags, const Settings& settings) {
  if (!flags.access.keys) {
    return fail(Errc::kInvalid,
                "check-token needs a key: --jwt-secret-file, --jwt-public-key or --jwks-file");
  }
  const Result<std::string> token = token_to_check(flags, settings.token);
  if (!token) return tl::unexpected(token.error());
  TokenVerifier verifier(std::move(*flags.access.keys), flags.access.token_rules);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const Result<Caller> caller =
      verifier.verify(*token, std::chrono::duration_cast<std::chrono::seconds>(now).count());
  settings.json || isatty(STDOUT_FILENO) == 0 ? write_json(caller) : write_text(caller);
  return caller ? kExitOk : kExitFailed;
}

}  // namespace

void add_check_token(Cli& cli) {
  const auto flags = std::make_shared<CheckFlags>();
  CLI::App* const command =
      cli.add_command("check-token", "Says what a server with the same flags thinks of a token",
                      [flags, &cli] { return check_token(*flags, cli.settings()); });
  command
      ->add_option("TOKEN", flags->token,
                   "The token; - or nothing: from --token-file, else from standard input")
      ->type_name("");
  add_token_flags(*command, flags->access);
}

}  // namespace progressd::ctl

// What the flags that all commands share say: which server, as whom, and how to write.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace progressd::ctl {

struct Settings {
  std::string url = "http://127.0.0.1:8080";  // without a slash at its end
  std::string token;                          // empty: none is sent
  bool json = false;                          // on a terminal too
  bool no_color = false;
};

/// The token, from the file if one is named, else from PROGRESSCTL_TOKEN; empty when there is none.
/// Errors: kInvalid. They never quote a token.
Result<std::string> read_token(const std::string& file);

/// `text` without the white space around it, if that is what a header line may carry.
/// Errors: kInvalid, with `where`; it never quotes the token.
Result<std::string> parse_token(std::string_view text, std::string_view where);

/// At most `bytes_max` bytes. Errors: kInvalid, with the path.
Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

/// `url` as it is used. Errors: kInvalid.
Result<std::string> parse_server_url(std::string_view url);

}  // namespace progressd::ctl

// What the operator says of who may do what.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "net/access/cors.h"
#include "net/access/jwt.h"
#include "net/access/key_set.h"

namespace progressd {

struct AccessSettings {
  std::optional<KeySet> keys;           // none: auth is off, and anybody may do everything
  std::optional<KeySet> ticket_secret;  // of all nodes; none: that of `keys`, if they are one
  TokenRules token_rules;
  bool query_token_ignored = false;  // `?access_token=` does not count
  std::vector<std::string> cors_origins{std::string(kAnyOrigin)};  // of parse_origin()
  std::vector<std::string> allowed_hosts;                          // of parse_host()
  std::size_t streams_per_user_max = 100;                          // the limits: 0: none
  std::size_t streams_per_address_max = 0;
  std::size_t jobs_per_user_max = 10'000;  // live ones
  std::size_t job_bytes_per_user_max = 256 * 1024 * 1024;
  std::size_t idempotency_keys_per_user_max = 100'000;
  std::size_t creates_per_second_max = 100;     // of one user
  std::size_t reports_per_second_max = 10'000;  // of one user
  std::size_t reads_per_second_max = 1'000;     // of one user; openings of streams too
};

}  // namespace progressd

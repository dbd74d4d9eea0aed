// Who a token says its bearer is, once everything about it was checked.
//
//   token ─► cache ─► header: alg, kid ─► key ─► signature ─► claims ─► Caller
//
// Checking a signature takes far longer than anything else a request does on the loop (see
// bench/token_bench.cc), so what was found good is remembered for a minute.
// Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/json_read.h"
#include "core/base/result.h"
#include "net/access/caller.h"
#include "net/access/key_set.h"
#include "net/access/token_cache.h"

namespace progressd {

inline constexpr std::size_t kTokenBytesMax = 8 * 1024;
/// How far the clocks of the issuer and of this machine may be apart.
inline constexpr std::int64_t kLeewaySeconds = 30;

/// What a token must say besides who its bearer is.
struct TokenRules {
  std::string audience;  // one of its `aud`; empty: whatever it says
  std::string issuer;    // its `iss`; empty: whatever it says
  bool exp_required = false;

  /// Whether they may refuse a token that the others let pass.
  bool are_stricter_than(const TokenRules& others) const;
};

class TokenVerifier {
 public:
  TokenVerifier(KeySet keys, TokenRules rules);

  /// `now`: Unix seconds. The caller's `expires_at` is the token's `exp` and the leeway.
  /// Errors: kUnauthorized, saying what is wrong with the token.
  /// Source: RFC 7519, section 7.2; RFC 8725.
  Result<Caller> verify(std::string_view token, std::int64_t now);

  /// Reads a JSON Web Key Set again now, rather than when its file is next seen to have changed.
  void reload();
  /// From here on. True when tokens that were good may be so no more.
  bool use(KeySet keys, TokenRules rules);
  /// Those in force, as they were read last.
  const KeySet& keys() const { return keys_; }
  /// True once after a key was taken out: tokens that were good may be so no more.
  bool take_loss(std::int64_t now);

 private:
  Result<Caller> check(const std::string& token, std::int64_t now);
  Result<const VerificationKey*> key_for(std::string_view header);
  Result<Caller> caller_of(std::string_view claims, std::int64_t now);
  void refresh_keys(std::int64_t now);

  KeySet keys_;
  TokenRules rules_;
  TokenCache cache_;
  JsonReader reader_;
  std::int64_t refreshed_at_ = 0;  // Unix seconds
};

}  // namespace progressd

// Tokens that were found good a moment ago, so that a client's next request does not cost another
// check of its signature. A token is known by its digest: nothing here can be used as a token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <unordered_map>

#include "core/base/digest.h"
#include "net/access/caller.h"

namespace progressd {

class TokenCache {
 public:
  static constexpr std::int64_t kKeptSeconds = 60;
  static constexpr std::size_t kTokensMax = 16'384;

  explicit TokenCache(std::size_t tokens_max = kTokensMax) : tokens_max_(tokens_max) {}

  /// Null when it is not known, or for longer than kKeptSeconds. Whether the caller's own time is
  /// over is not looked at. Good until the next call. `now`: Unix seconds.
  const Caller* find(const Digest& token, std::int64_t now);
  void remember(const Digest& token, const Caller& caller, std::int64_t now);
  void clear();
  std::size_t size() const { return callers_.size(); }

 private:
  struct FirstBytes {
    std::size_t operator()(const Digest& digest) const {
      std::size_t hash = 0;
      std::memcpy(&hash, digest.data(), sizeof hash);
      return hash;
    }
  };
  struct Remembered {
    Digest token;
    std::int64_t at;
  };
  void forget_oldest();

  const std::size_t tokens_max_;
  std::unordered_map<Digest, Caller, FirstBytes> callers_;
  std::deque<Remembered> order_;  // of remembering: one for each of callers_
};

}  // namespace progressd

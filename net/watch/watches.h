// All watched status URLs, by their names. Thread: the loop's.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/json_write.h"
#include "net/watch/watch.h"

namespace progressd {

class Watches {
 public:
  struct Parts {
    Loop& loop;
    Hub& hub;
    Opener& opener;
    Random& random;
  };
  Watches(const Parts& parts, const std::vector<WatchSpec>& specs);

  bool empty() const { return watches_.empty(); }
  /// GET /client_status?watch=NAME; without a name, the only one.
  void follow(const Request& request, const Responder& responder);
  const std::vector<std::unique_ptr<Watch>>& all() const { return watches_; }
  /// An array for operators: each watch's state and failures.
  void write(JsonWriter& out) const;

 private:
  std::optional<Fetcher> fetcher_;  // none where nothing is watched
  std::vector<std::unique_ptr<Watch>> watches_;
};

}  // namespace progressd

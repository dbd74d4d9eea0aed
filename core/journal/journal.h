// The journal: the one ordered log of changes, and the one seam for durability and for scale.
// An engine is synchronous and knows no loop. It gives each change its number in a total order.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/result.h"
#include "core/jobs/change.h"
#include "core/stream/event_id.h"

namespace progressd {

class Journal {
 public:
  virtual ~Journal() = default;
  /// Which journal this is: event ids carry it. Another one for each memory journal.
  virtual std::uint32_t epoch() const = 0;
  /// Keeps the changes, as durably as the engine does, and returns the number of the first; the
  /// others follow without a hole.
  /// Errors: kOverloaded, when nothing was kept.
  virtual Result<Sequence> append(std::span<const Change> changes) = 0;
};

}  // namespace progressd

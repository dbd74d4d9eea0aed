// Why: all that is done with one received event: counted, checked, timed. The hot path; allocates
//      only to put a fault into words.
#pragma once

#include <string>

#include "field_scan.h"
#include "options.h"
#include "sse_reader.h"
#include "stream.h"
#include "tally.h"

namespace sseload {

class EventChecks {
 public:
  EventChecks(const CheckOptions& options, Tally& tally);

  /// `now` is when the bytes were read.
  void on_event(Stream& stream, std::uint32_t number, const SseEvent& event, Nanoseconds now);

 private:
  void check_event_id(Stream& stream, std::uint32_t number, std::string_view id);
  void check_number(Stream& stream, std::uint32_t number, std::string_view data, Nanoseconds now);
  void take_time(std::string_view data, Nanoseconds now);
  void take_pace(Stream& stream, std::int64_t value, Nanoseconds now);

  const CheckOptions& options_;
  const FieldScan seq_;
  const FieldScan time_;
  Tally& tally_;
  PrefixTable prefixes_;
  std::uint32_t latest_prefix_ = PrefixTable::kNone;
};

}  // namespace sseload

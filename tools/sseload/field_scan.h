// Why: one number out of an event's JSON, millions of times per second, without parsing it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sseload {

/// Finds `"name": 123` or `"name": "123"`, at any depth, JSON inside a JSON string included; the
/// first one counts. A fraction is cut off.
class FieldScan {
 public:
  FieldScan() = default;
  explicit FieldScan(std::string_view name);

  bool is_set() const { return !opening_.empty(); }
  std::optional<std::int64_t> find(std::string_view json) const;

 private:
  std::string opening_;  // the name with its opening quote
};

}  // namespace sseload

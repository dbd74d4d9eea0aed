// Requests as the parser makes them, for tests of what looks at their header.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/ensure.h"
#include "net/http/request.h"

namespace progressd::testing {

struct HeaderField {
  std::string_view name;
  std::string_view value;
};

/// Not to be moved: its path is a view into its target.
inline void make_request(Request& request, Method method, std::string_view target,
                         std::initializer_list<HeaderField> fields) {
  request.clear();
  request.method = method;
  request.target = target;
  ENSURE(request.read_target());
  for (const HeaderField& field : fields) {
    request.append_field_name(field.name);
    request.append_field_value(field.value);
    request.end_field();
  }
}

}  // namespace progressd::testing

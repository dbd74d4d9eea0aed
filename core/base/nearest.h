// What somebody meant who wrote a name that is not known.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace progressd {

/// The known name with the fewest letters to add, drop or replace; none when all are too different:
/// more than a third of the letters.
std::optional<std::string> nearest(std::string_view name, const std::vector<std::string>& known);

}  // namespace progressd

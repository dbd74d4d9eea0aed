#include "net/config_action.h"

#include <array>
#include <string_view>
#include <utility>

namespace progressd {

Result<Action> take_action(std::vector<std::string>& arguments) {
  constexpr std::array<std::pair<std::string_view, Action>, 4> kWords{{{"check", Action::kCheck},
                                                                       {"show", Action::kShow},
                                                                       {"--help", Action::kHelp},
                                                                       {"-h", Action::kHelp}}};
  if (arguments.empty() || arguments.front() != "config") return Action::kRun;
  for (const auto& [word, action] : kWords) {
    if (arguments.size() < 2 || arguments[1] != word) continue;
    arguments.erase(arguments.begin(), arguments.begin() + 2);
    return action;
  }
  return fail(Errc::kInvalid, "config: say check or show behind it");
}

}  // namespace progressd

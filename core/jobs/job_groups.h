// The groups of the hub that a job's topic belongs to.
#pragma once

#include <string>
#include <string_view>

namespace progressd {

inline std::string group_of_all() { return "all"; }
inline std::string group_of_owner(std::string_view owner) { return "owner:" + std::string(owner); }
inline std::string group_of_kind(std::string_view kind) { return "kind:" + std::string(kind); }

}  // namespace progressd

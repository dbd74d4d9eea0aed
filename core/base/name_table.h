// A table of objects by a name that each of them holds. Flat, with the hash beside the name's
// address: finding one among many touches one place of the table, then the object itself, where a
// std::unordered_map touches four in turn.
#pragma once

#include <tsl/robin_map.h>

#include <functional>
#include <memory>
#include <string_view>
#include <utility>

namespace progressd {

/// The key is a view of the object's own name. An iterator's value() may be moved out of.
template <class T>
using NameTable =
    tsl::robin_map<std::string_view, std::unique_ptr<T>, std::hash<std::string_view>,
                   std::equal_to<>, std::allocator<std::pair<std::string_view, std::unique_ptr<T>>>,
                   /*StoreHash=*/true>;

}  // namespace progressd

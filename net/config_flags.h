// How a flag is declared: its value is parsed, its name in the environment derived, its error
// named. CLI11 throws; what it throws stays within read_config().
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/base/time_text.h"

namespace progressd {

/// Adds flags of one group of --help. Targets outlive the parsing, and hold their defaults.
class Flags {
 public:
  static constexpr std::size_t kCountMax = 100'000'000;
  using Parse = std::function<Result<std::string>(const std::string& text)>;

  Flags(CLI::App& app, std::string group) : app_(app), group_(std::move(group)) {}

  void duration(const std::string& flag, Millis& target, const std::string& help);
  void bytes(const std::string& flag, std::size_t& target, const std::string& help);
  void count(const std::string& flag, std::size_t& target, const std::string& help,
             const std::string& default_text = "");
  void on_off(const std::string& flag, bool& target, const std::string& help);
  /// `parse` says no with value_or_throw(), check_member() or a CLI::ValidationError of its own.
  void parsed(const std::string& flag, const std::string& help, const std::string& type,
              const std::string& default_text,
              const std::function<void(const std::string&)>& parse);
  /// Several values: the flag again, or commas. Those that are given replace the default.
  void list(const std::string& flag, std::vector<std::string>& target, const std::string& help,
            const std::string& type, std::size_t values_max, const Parse& parse);
  void finish(CLI::Option* option, const std::string& flag);

  template <class T>
  static T value_or_throw(const std::string& flag, const Result<T>& result) {
    if (!result) throw CLI::ValidationError(flag, result.error().detail);
    return *result;
  }

 private:
  CLI::App& app_;
  std::string group_;
};

void check_member(const std::string& flag, const std::string& value,
                  std::initializer_list<std::string_view> known);

/// What is wrong with the first of these words that looks like a flag: none of these apps has it.
/// None when they are all of another kind.
std::optional<std::string> no_such_flag(const std::vector<std::string>& words,
                                        std::initializer_list<const CLI::App*> apps);

}  // namespace progressd

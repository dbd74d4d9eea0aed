#include "net/config_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "core/base/nearest.h"

namespace progressd {
namespace {

Result<std::size_t> parse_bytes(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::size_t bytes;
  };
  constexpr std::array<Unit, 5> kUnits{
      {{"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}}};
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& known : kUnits) {
    if (error == std::errc{} && unit == known.name &&
        number <= std::numeric_limits<std::uint32_t>::max() / known.bytes) {
      return number * known.bytes;
    }
  }
  return fail(Errc::kInvalid,
              fmt::format("'{}' is no size: write it like 4096, 16KiB, 1MiB", text));
}

std::string bytes_text(std::size_t bytes) {
  if (bytes != 0 && bytes % (1024 * 1024) == 0) return fmt::format("{}MiB", bytes / (1024 * 1024));
  if (bytes != 0 && bytes % 1024 == 0) return fmt::format("{}KiB", bytes / 1024);
  return fmt::format("{}", bytes);
}

/// `--max-body-bytes` is PROGRESSD_MAX_BODY_BYTES in the environment.
std::string environment_name(std::string_view flag) {
  std::string name = "PROGRESSD_";
  for (const char c : flag.substr(2)) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

}  // namespace

void Flags::duration(const std::string& flag, Millis& target, const std::string& help) {
  parsed(flag, help, "DURATION", duration_text(target), [flag, &target](const std::string& text) {
    target = value_or_throw(flag, parse_duration(text));
  });
}

void Flags::bytes(const std::string& flag, std::size_t& target, const std::string& help) {
  parsed(flag, help, "SIZE", bytes_text(target), [flag, &target](const std::string& text) {
    target = value_or_throw(flag, parse_bytes(text));
  });
}

void Flags::count(const std::string& flag, std::size_t& target, const std::string& help,
                  const std::string& default_text) {
  parsed(flag, help, "NUMBER", default_text.empty() ? std::to_string(target) : default_text,
         [flag, &target](const std::string& text) {
           const auto [end, error] =
               std::from_chars(text.data(), text.data() + text.size(), target);
           if (error != std::errc{} || end != text.data() + text.size() || target > kCountMax) {
             throw CLI::ValidationError(flag, fmt::format("'{}' is no count", text));
           }
         });
}

void Flags::on_off(const std::string& flag, bool& target, const std::string& help) {
  finish(app_.add_flag(flag, target, help), flag);
}

void Flags::parsed(const std::string& flag, const std::string& help, const std::string& type,
                   const std::string& default_text,
                   const std::function<void(const std::string&)>& parse) {
  CLI::Option* option = app_.add_option_function<std::string>(flag, parse, help);
  option->type_name(type)->default_str(default_text);
  finish(option, flag);
}

void Flags::list(const std::string& flag, std::vector<std::string>& target, const std::string& help,
                 const std::string& type, std::size_t values_max, const Parse& parse) {
  const auto take = [flag, &target, parse](const std::vector<std::string>& texts) {
    target.clear();
    for (const std::string& text : texts) target.push_back(value_or_throw(flag, parse(text)));
  };
  finish(app_.add_option_function<std::vector<std::string>>(flag, take, help)
             ->type_name(type)
             ->delimiter(',')
             ->expected(1, static_cast<int>(values_max)),
         flag);
}

void Flags::finish(CLI::Option* option, const std::string& flag) {
  option->group(group_)->envname(environment_name(flag));
}

void check_member(const std::string& flag, const std::string& value,
                  std::initializer_list<std::string_view> known) {
  if (std::find(known.begin(), known.end(), value) != known.end()) return;
  throw CLI::ValidationError(
      flag, fmt::format("'{}' is not known: it can be {}", value, fmt::join(known, ", ")));
}

std::optional<std::string> no_such_flag(const std::vector<std::string>& words,
                                        std::initializer_list<const CLI::App*> apps) {
  const auto word = std::find_if(words.begin(), words.end(), [](const std::string& one) {
    return one.size() > 2 && one.starts_with("--");
  });
  if (word == words.end()) return std::nullopt;
  std::vector<std::string> known;
  for (const CLI::App* app : apps) {
    for (const CLI::Option* option : app->get_options()) known.push_back(option->get_name());
  }
  const std::string flag = word->substr(0, word->find('='));  // a value may be a secret
  const std::optional<std::string> meant = nearest(flag, known);
  return fmt::format("{}: no such flag{}", flag,
                     meant ? fmt::format("; did you mean {}?", *meant) : "");
}

}  // namespace progressd

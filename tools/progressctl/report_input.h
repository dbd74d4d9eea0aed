// What a program's lines say about its progress.
#pragma once

#include <regex.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "tools/progressctl/reporter.h"

namespace progressd::ctl {

/// A POSIX extended regular expression.
class Pattern {
 public:
  /// Errors: kInvalid, with the flag's name.
  static Result<Pattern> compile(const std::string& flag, const std::string& text);

  /// What its first group matched, or all of it where it has none.
  std::optional<std::string> find(const std::string& line) const;

 private:
  struct Freed {
    void operator()(regex_t* compiled) const {
      regfree(compiled);
      delete compiled;
    }
  };
  std::unique_ptr<regex_t, Freed> compiled_;
};

class ReportInput {
 public:
  std::optional<std::int64_t> total;  // fixed; none: it grows with the lines
  std::optional<Pattern> percent;     // lines that match say how far it is; others are messages
  std::optional<Pattern> fail_on;     // a line that matches says that it failed

  /// Goes on from where a job is.
  void begin(Progress progress) { progress_ = std::move(progress); }
  void take(std::string_view line);

  const Progress& progress() const { return progress_; }
  /// That of the completed job: without a fixed total, as many as there were lines.
  Progress completed() const;
  /// The line that said that it failed.
  const std::optional<std::string>& failure() const { return failure_; }

 private:
  void count_line();
  void take_percent(const std::string& number);

  Progress progress_;
  std::optional<std::string> failure_;
};

/// `line` as a message or a reason: UTF-8, and no longer than the server takes.
std::string message_of(std::string_view line);

}  // namespace progressd::ctl

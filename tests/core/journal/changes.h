// Changes as clients and runners make them, by chance: for suites that want all kinds of them.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/core/testing.h"

namespace progressd::testing {

inline Text random_text(Chance& chance, std::size_t bytes_max) {
  if (chance.one_in(3)) return Text();
  return Text(std::string(chance.index(bytes_max), static_cast<char>('a' + chance.index(26))));
}

inline JobSpec random_spec(Chance& chance, std::string id) {
  JobSpec spec =
      job_spec(std::move(id), static_cast<Runner>(chance.index(3)), chance.between(1, 20));
  spec.owner = chance.one_in(2) ? "ann" : "bob";
  spec.kind = random_text(chance, 5);
  spec.message = random_text(chance, 30);
  spec.result = chance.one_in(4) ? Text(R"({"a":[1,2]})") : Text();
  spec.failed_reason = random_text(chance, 9);
  spec.fail_at = chance.one_in(4) ? chance.between(1, spec.total) : 0;
  spec.repeat = chance.between(0, 3);
  spec.step_ms = chance.between(1, 1'000);
  spec.last_step_more_ms = chance.one_in(4) ? chance.between(1, 1'000) : 0;
  spec.stall_after_ms = chance.one_in(3) ? chance.between(1, 100) : 0;
  spec.removed_once_told = chance.one_in(5);
  if (chance.one_in(4)) {
    spec.traceparent = Text("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  }
  return spec;
}

inline Report random_report(Chance& chance) {
  Report report;
  if (!chance.one_in(4)) report.done = chance.between(0, 24);
  if (chance.one_in(8)) report.total = chance.between(1, 24);
  if (chance.one_in(8)) report.state = static_cast<State>(chance.index(4));
  if (chance.one_in(4)) report.message = random_text(chance, 40);
  if (chance.one_in(8)) report.result = Text("[7]");
  if (chance.one_in(8)) report.failed_reason = random_text(chance, 9);
  return report;
}

inline Change expecting(std::vector<Sequence> if_match, Change change) {
  change.if_match = std::move(if_match);
  return change;
}

/// Mostly sensible, sometimes refused. `at` goes on, and now and then back; or somebody sets the
/// wall clock.
inline Change random_change(Chance& chance, Moment& at) {
  if (chance.one_in(50)) at.wall += chance.between(-86'400'000, 86'400'000);
  at += chance.one_in(50) ? -500 : chance.between(0, 40);
  std::string id = fmt::format("job-{}", chance.index(8));
  const auto kind = static_cast<ChangeKind>(chance.index(kChangeKinds));
  if (chance.one_in(60)) {
    return expecting({static_cast<Sequence>(chance.between(1, 200))},
                     chance.one_in(3) ? make_change(ChangeKind::kCancel, std::move(id), at)
                                      : reporting(std::move(id), random_report(chance), at));
  }
  if (chance.one_in(3)) return reporting(std::move(id), random_report(chance), at);
  switch (kind) {
    case ChangeKind::kCreate: {
      std::optional<IdempotencyKey> key;
      if (chance.one_in(3)) key = {fmt::format("key-{}", chance.index(20)), sha256("body")};
      return creation(random_spec(chance, std::move(id)), at, std::move(key));
    }
    case ChangeKind::kReport:
      return reporting(std::move(id), random_report(chance), at);
    case ChangeKind::kChannelPost: {
      Change change = make_change(kind, fmt::format("user-{}", chance.index(3)), at);
      change.value = ChannelValue{Text(fmt::format(R"({{"n":{},"s":"{}"}})", chance.index(99),
                                                   std::string(chance.index(40), 's'))),
                                  chance.one_in(2) ? "going" : "done"};
      return change;
    }
    case ChangeKind::kChannelClear:
    case ChangeKind::kChannelForget:
      return make_change(kind, fmt::format("user-{}", chance.index(3)), at);
    default:
      return make_change(kind, std::move(id), at);
  }
}

}  // namespace progressd::testing

// Random commands to job table, ledger, hub and stream writer, against a model. Holds: the table
// does what the model does; each reader gets, of each job, every change of state once and in order,
// and its last progress; nothing is missed unless a gap was told; every bound holds.
//
//   input   commands: one byte, then what each of them takes
#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "tests/fuzz/support/choices.h"
#include "tests/fuzz/support/model_world.h"

namespace progressd::fuzz {
namespace {

constexpr std::size_t kCommandsMax = 400;
constexpr std::array<std::string_view, 8> kIds{"a", "b", "c", "d", "e", "f", "g", "h"};

std::string id_of(Choices& choices) { return std::string(kIds.at(choices.index(kIds.size()))); }

Change creation(Choices& choices, Millis at) {
  JobSpec spec;
  spec.id = id_of(choices);
  const std::uint8_t kind = choices.byte();
  spec.runner = static_cast<Runner>(kind % 3);
  spec.owner = (kind & 4) == 0 ? "ann" : "bob";
  spec.total = 1 + kind / 32;
  spec.repeat = (kind >> 3) % 3;
  if (spec.runner != Runner::kExternal && (kind & 16) != 0) spec.fail_at = spec.total;
  Change change = make_change(ChangeKind::kCreate, spec.id, at);
  change.creation = std::make_unique<Creation>(Creation{std::move(spec), std::nullopt});
  return change;
}

Change reporting(Choices& choices, Millis at) {
  Change change = make_change(ChangeKind::kReport, id_of(choices), at);
  const std::uint8_t what = choices.byte();
  change.report.emplace();
  if ((what & 1) != 0) change.report->done = choices.index(10);
  if ((what & 2) != 0) change.report->total = 1 + choices.index(10);
  if ((what & 4) != 0) change.report->message = Text(std::string(choices.index(64), 'x'));
  // Cancelled is refused before it gets here: states 0 to 3.
  if ((what & 8) != 0) change.report->state = static_cast<State>(choices.index(4));
  if ((what & 16) != 0) change.report->result = Text(R"({"n":1})");
  return change;
}

Change channel_change(Choices& choices, Millis at) {
  constexpr std::array<std::string_view, 3> kUsers{"u", "v", "w"};
  const std::uint8_t what = choices.byte();
  std::string user(kUsers.at((what >> 3) % kUsers.size()));
  if ((what & 7) == 0) return make_change(ChangeKind::kChannelClear, std::move(user), at);
  if ((what & 7) == 1) return make_change(ChangeKind::kChannelForget, std::move(user), at - 10);
  Change change = make_change(ChangeKind::kChannelPost, std::move(user), at);
  change.value.emplace();
  change.value->status = (what & 32) != 0 ? "\"busy\"" : "";
  change.value->json = Text(fmt::format(R"({{"n":"{}"}})", std::string(choices.byte(), 'x')));
  return change;
}

void command(Choices& choices, ModelWorld& world) {
  constexpr std::array<ChangeKind, 8> kOfJob{
      ChangeKind::kStart,  ChangeKind::kStep,   ChangeKind::kStep,   ChangeKind::kStep,
      ChangeKind::kCancel, ChangeKind::kDelete, ChangeKind::kForget, ChangeKind::kStall};
  const std::uint8_t code = choices.byte();
  const std::size_t reader = (code >> 4) % ModelWorld::kReaders;
  switch (code & 15) {
    case 0:
    case 1:
      return world.commit(creation(choices, world.now()));
    case 2:
    case 3:
      return world.commit(reporting(choices, world.now()));
    case 4:
    case 5:
    case 6:
      return world.commit(
          make_change(kOfJob.at((code >> 4) % kOfJob.size()), id_of(choices), world.now()));
    case 7:
      return world.commit_to_channel(channel_change(choices, world.now()));
    case 8:
      return world.connect(reader, choices.byte() % 4 != 0);
    case 9:
      return world.disconnect(reader);
    case 10:
      return world.set_room(reader, 8 * static_cast<std::size_t>(choices.byte()));
    case 11:
      return world.set_room(reader, SIZE_MAX);
    case 12:
      return world.read(reader, 4 * static_cast<std::size_t>(choices.byte()));
    case 13:
      return world.read(reader, SIZE_MAX);
    case 14:
      world.clock().advance(choices.byte());
      return world.pass_ticks(1 + choices.byte());
    default:
      return world.end_turn();
  }
}

}  // namespace
}  // namespace progressd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace progressd::fuzz;
  Choices choices(bytes, size);
  ModelWorld world({});
  for (std::size_t i = 0; i < kCommandsMax && !choices.done(); ++i) command(choices, world);
  world.settle();
  return 0;
}

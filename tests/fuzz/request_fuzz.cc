// Request bytes through the whole server: parser, connections, gate, router, handlers, stream
// writer, runners; over sockets in memory, with splits, short writes, resets and time as the input
// says.
//
//   input    settings 1 byte │ schedule … │ 0xff │ bytes of requests …
//
// Without 0xff all of it is requests, sent at once on one connection. Holds: what goes out is HTTP,
// each request has one answer or a reason to have none, what was taken is given back, and no answer
// depends on how the bytes were split, nor on what its connection remembers of the request before.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/ensure.h"
#include "tests/fuzz/support/choices.h"
#include "tests/fuzz/support/served.h"

namespace progressd::fuzz {
namespace {

constexpr std::size_t kClientsMax = 6;
constexpr char kScheduleEnd = '\xff';

struct Input {
  bool auth_on = false;
  std::string_view schedule;
  std::string_view requests;
};

Input read_input(std::string_view bytes) {
  const std::size_t end = bytes.find(kScheduleEnd);
  if (end == std::string_view::npos) return {false, {}, bytes};
  Choices choices(bytes.substr(0, end));
  const bool auth_on = choices.byte() % 2 == 1;
  return {auth_on, choices.rest(), bytes.substr(end + 1)};
}

const Config& config_of(bool auth_on) {
  static const std::array<Config, 2> kConfigs{fuzz_config(false), fuzz_config(true)};
  return kConfigs.at(auth_on ? 1 : 0);
}

/// What becomes of the bytes of the requests, a step of the schedule at a time.
class Play {
 public:
  Play(Served& served, std::string_view requests) : served_(served), requests_(requests) {
    client_ = served_.connect();
  }

  /// True while one connection sent, no time passed and nobody went: then only the split differs.
  bool calm() const { return calm_; }

  void step(Choices& schedule) {
    const std::uint8_t step = schedule.byte();
    const std::size_t size = step >> 3;  // 0 to 31
    switch (step & 7) {
      case 0:
        return send(size + 1);
      case 1:
        return send(16 * (size + 1));
      case 2:
        return served_.set_room(client_, 32 * size);
      case 3:
        return served_.set_room(client_, SIZE_MAX);
      case 4:
        return calm_ = false, served_.pass(Millis{1} << (size % 16));  // up to half a minute
      case 5:
        return switch_client(size);
      case 6:
        return calm_ = false, served_.half_close(client_);
      default:
        return calm_ = false, size < 16 ? served_.reset(client_) : served_.turn();
    }
  }
  void send(std::size_t size) { served_.send(client_, requests_.text(size)); }
  void send_rest() { served_.send(client_, requests_.rest()); }

 private:
  void switch_client(std::size_t which) {
    calm_ = false;
    client_ = which % kClientsMax;
    if (client_ >= served_.clients()) client_ = served_.connect(/*over_limit=*/which >= 30);
  }

  Served& served_;
  Choices requests_;
  std::size_t client_ = 0;
  bool calm_ = true;
};

/// Whether it tells of the process, or of who is connected.
bool is_of_process(const Answer& answer) {
  return answer.body.find("\"memoryBytes\"") != std::string::npos ||
         answer.body.find("\"openedAt\"") != std::string::npos ||
         answer.body.starts_with("# HELP ");
}

void expect_same(const Answer& one, const Answer& other) {
  ENSURE(one.status == other.status);
  ENSURE(one.is_stream == other.is_stream);
  if (!one.is_stream && !is_of_process(one)) ENSURE(one.body == other.body);
}

/// The answers up to the first stream, whose events depend on when they are read.
void expect_same(const std::vector<Answer>& split, const std::vector<Answer>& whole) {
  ENSURE(split.size() == whole.size());
  for (std::size_t i = 0; i < split.size(); ++i) {
    expect_same(split[i], whole[i]);
    if (split[i].is_stream) return;
  }
}

/// Each request on a connection of its own: what the connection of all of them remembered, header
/// fields and whose token it was, changed nothing. Up to the first stream, since those that follow
/// it are not read where it is.
void expect_same_alone(const Config& config, std::string_view requests,
                       const std::vector<Answer>& together) {
  const std::vector<Asked> asked = read_requests(requests, config.http.limits);
  if (asked.size() < 2 || asked.size() > config.http.pipelined_max) return;
  Served served(config);
  for (std::size_t i = 0; i < std::min(asked.size(), together.size()); ++i) {
    const std::size_t client = served.connect();
    served.send(client, asked[i].bytes);
    if (together[i].is_stream) return;
    const std::vector<Answer> alone = served.answers(client);
    ENSURE(alone.size() == 1);
    expect_same(together[i], alone.front());
  }
}

void run(std::string_view bytes) {
  const Input input = read_input(bytes);
  const Config& config = config_of(input.auth_on);
  std::vector<Answer> split;
  bool calm = false;
  {
    Served served(config);
    Play play(served, input.requests);
    Choices schedule(input.schedule);
    while (!schedule.done()) play.step(schedule);
    play.send_rest();
    calm = play.calm();
    served.settle();
    split = served.answers(0);
    served.leave();
  }
  if (!calm) return;
  expect_same_alone(config, input.requests, split);
  if (input.schedule.empty()) return;
  Served served(config);
  Play(served, input.requests).send_rest();
  served.settle();
  expect_same(split, served.answers(0));
}

}  // namespace
}  // namespace progressd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  progressd::fuzz::run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}

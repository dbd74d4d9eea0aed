#include "core/journal/change_codec.h"

#include <algorithm>
#include <utility>

namespace progressd {
namespace {

constexpr std::uint8_t kBlockVersion = 2;
/// Had no steady time and no kExpects: a change's bytes mean the same in both.
constexpr std::uint8_t kWallBlockVersion = 1;
// On the kind's byte.
constexpr std::uint8_t kSameJob = 0x80;   // the job is that of the change before
constexpr std::uint8_t kClockSet = 0x40;  // the clocks are apart otherwise than before
constexpr std::uint8_t kExpects = 0x20;   // it has an if_match
constexpr std::uint8_t kKindMask = 0x1f;
static_assert(kChangeKinds <= kKindMask + 1);

// What a report says, a bit each.
constexpr std::uint8_t kHasState = 1;
constexpr std::uint8_t kHasDone = 2;
constexpr std::uint8_t kHasTotal = 4;
constexpr std::uint8_t kHasTexts = 8;
constexpr std::uint8_t kHasIfMatch = 16;  // in version 1

// What a job's spec says at its end, a bit each.
constexpr std::uint8_t kRemovedOnceTold = 1;
constexpr std::uint8_t kHasTraceparent = 2;   // not in files of version 2
constexpr std::uint8_t kHasLastStepMore = 4;  // nor of version 3

void encode_report(const Report& report, ByteWriter& out) {
  const bool has_texts =
      !report.message.is_null() || !report.result.is_null() || !report.failed_reason.is_null();
  std::uint8_t says = 0;
  if (report.state) says |= kHasState;
  if (report.done) says |= kHasDone;
  if (report.total) says |= kHasTotal;
  if (has_texts) says |= kHasTexts;
  out.byte(says);
  if (report.state) out.byte(static_cast<std::uint8_t>(*report.state));
  if (report.done) out.integer(*report.done);
  if (report.total) out.integer(*report.total);
  if (has_texts) {
    out.text(report.message);
    out.text(report.result);
    out.text(report.failed_reason);
  }
}

std::vector<Sequence> decode_if_match(ByteReader& in) {
  std::vector<Sequence> sequences;
  for (std::uint64_t left = in.number(); left > 0 && in.ok(); --left) {
    sequences.push_back(in.number());
  }
  return sequences;
}

void decode_report(ByteReader& in, Change& change) {
  Report& report = change.report.emplace();
  const std::uint8_t says = in.byte();
  if ((says & kHasState) != 0) {
    const std::uint8_t state = in.byte();
    if (state >= kStates) in.fail();
    report.state = static_cast<State>(state);
  }
  if ((says & kHasDone) != 0) report.done = in.integer();
  if ((says & kHasTotal) != 0) report.total = in.integer();
  if ((says & kHasTexts) != 0) {
    report.message = in.text();
    report.result = in.text();
    report.failed_reason = in.text();
  }
  if ((says & kHasIfMatch) != 0) change.if_match = decode_if_match(in);
}

/// By how much the steady clock is ahead.
Millis apart(Moment at) {
  return static_cast<Millis>(static_cast<std::uint64_t>(at.steady) -
                             static_cast<std::uint64_t>(at.wall));
}

void encode_creation(const Creation& creation, ByteWriter& out) {
  encode_spec(creation.spec, out);
  out.byte(creation.idempotency ? 1 : 0);
  if (!creation.idempotency) return;
  out.string(creation.idempotency->key);
  out.raw(view_of(creation.idempotency->body));
}

Creation decode_creation(ByteReader& in) {
  Creation creation{decode_spec(in), std::nullopt};
  if (in.byte() == 0) return creation;
  IdempotencyKey& key = creation.idempotency.emplace();
  key.key = in.string();
  const std::string_view body = in.raw(key.body.size());
  std::copy(body.begin(), body.end(), key.body.begin());
  return creation;
}

Change decode_change(ByteReader& in, const std::string& last_job_id, Moment last_at) {
  const std::uint8_t head = in.byte();
  const auto kind = static_cast<std::uint8_t>(head & kKindMask);
  if (kind >= kChangeKinds) in.fail();
  Moment at;
  at.wall = wrapping_sum(last_at.wall, in.integer());
  at.steady = wrapping_sum(at.wall, (head & kClockSet) != 0 ? in.integer() : apart(last_at));
  Change change = make_change(static_cast<ChangeKind>(kind), {}, at);
  change.job_id = (head & kSameJob) != 0 ? last_job_id : std::string(in.string());
  if ((head & kExpects) != 0) change.if_match = decode_if_match(in);
  switch (change.kind) {
    case ChangeKind::kCreate:
      change.creation = std::make_unique<Creation>(decode_creation(in));
      break;
    case ChangeKind::kReport:
      decode_report(in, change);
      break;
    case ChangeKind::kChannelPost: {
      Text json = in.text();
      change.value = ChannelValue{std::move(json), std::string(in.string())};
      break;
    }
    default:
      break;
  }
  return change;
}

}  // namespace

void encode_spec(const JobSpec& spec, ByteWriter& out) {
  out.string(spec.id);
  out.text(spec.kind);
  out.byte(static_cast<std::uint8_t>(spec.runner));
  out.string(spec.owner);
  out.integer(spec.total);
  out.text(spec.message);
  out.integer(spec.step_ms);
  out.integer(spec.step_work_ms);
  out.integer(spec.fail_at);
  out.text(spec.failed_reason);
  out.text(spec.result);
  out.integer(spec.repeat);
  out.integer(spec.stall_after_ms);
  const bool has_trace = !spec.traceparent.is_null();
  out.byte(static_cast<std::uint8_t>((spec.removed_once_told ? kRemovedOnceTold : 0) |
                                     (has_trace ? kHasTraceparent : 0) |
                                     (spec.last_step_more_ms != 0 ? kHasLastStepMore : 0)));
  if (has_trace) out.text(spec.traceparent);
  if (spec.last_step_more_ms != 0) out.integer(spec.last_step_more_ms);
}

JobSpec decode_spec(ByteReader& in) {
  JobSpec spec;
  spec.id = in.string();
  spec.kind = in.text();
  const std::uint8_t runner = in.byte();
  if (runner > static_cast<std::uint8_t>(Runner::kExternal)) in.fail();
  spec.runner = static_cast<Runner>(runner);
  spec.owner = in.string();
  spec.total = in.integer();
  spec.message = in.text();
  spec.step_ms = in.integer();
  spec.step_work_ms = in.integer();
  spec.fail_at = in.integer();
  spec.failed_reason = in.text();
  spec.result = in.text();
  spec.repeat = in.integer();
  spec.stall_after_ms = in.integer();
  const std::uint8_t says = in.byte();
  if (says > (kRemovedOnceTold | kHasTraceparent | kHasLastStepMore)) in.fail();
  spec.removed_once_told = (says & kRemovedOnceTold) != 0;
  if ((says & kHasTraceparent) != 0) spec.traceparent = in.text();
  if ((says & kHasLastStepMore) != 0) spec.last_step_more_ms = in.integer();
  return spec;
}

void ChangeBlock::add(const Change& change) {
  ByteWriter out(bytes_);
  if (changes_++ == 0) {
    last_job_id_.clear();
    last_at_ = {};
    out.byte(kBlockVersion);
  }
  const bool same_job = change.job_id == last_job_id_;
  const bool clock_set = apart(change.at) != apart(last_at_);
  out.byte(static_cast<std::uint8_t>(static_cast<std::uint8_t>(change.kind) |
                                     (same_job ? kSameJob : 0) | (clock_set ? kClockSet : 0) |
                                     (change.if_match ? kExpects : 0)));
  out.integer(change.at.wall - last_at_.wall);
  if (clock_set) out.integer(apart(change.at));
  if (!same_job) out.string(change.job_id);
  if (change.if_match) {
    out.number(change.if_match->size());
    for (const Sequence sequence : *change.if_match) out.number(sequence);
  }
  if (change.creation != nullptr) encode_creation(*change.creation, out);
  if (change.report) encode_report(*change.report, out);
  if (change.value) {
    out.text(change.value->json);
    out.string(change.value->status);
  }
  if (!same_job) last_job_id_ = change.job_id;
  last_at_ = change.at;
}

std::string ChangeBlock::take() {
  changes_ = 0;
  return std::exchange(bytes_, {});
}

bool decode_block(std::string_view block, std::size_t changes,
                  const std::function<void(const Change& change)>& visit) {
  ByteReader in(block);
  const std::uint8_t version = in.byte();
  if (version != kBlockVersion && version != kWallBlockVersion) return false;
  std::string last_job_id;
  Moment last_at;
  for (; changes > 0; --changes) {
    Change change = decode_change(in, last_job_id, last_at);
    if (!in.ok()) return false;
    visit(change);
    last_at = change.at;
    last_job_id = std::move(change.job_id);
  }
  return in.at_end();
}

}  // namespace progressd

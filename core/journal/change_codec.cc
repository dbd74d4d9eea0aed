#include "core/journal/change_codec.h"

#include <algorithm>
#include <utility>

namespace progressd {
namespace {

constexpr std::uint8_t kBlockVersion = 1;
/// On the kind's byte: the job is that of the change before.
constexpr std::uint8_t kSameJob = 0x80;

// What a report says, a bit each.
constexpr std::uint8_t kHasState = 1;
constexpr std::uint8_t kHasDone = 2;
constexpr std::uint8_t kHasTotal = 4;
constexpr std::uint8_t kHasTexts = 8;
constexpr std::uint8_t kHasIfMatch = 16;

void encode_report(const Report& report, ByteWriter& out) {
  const bool has_texts =
      !report.message.is_null() || !report.result.is_null() || !report.failed_reason.is_null();
  std::uint8_t says = 0;
  if (report.state) says |= kHasState;
  if (report.done) says |= kHasDone;
  if (report.total) says |= kHasTotal;
  if (has_texts) says |= kHasTexts;
  if (report.if_match) says |= kHasIfMatch;
  out.byte(says);
  if (report.state) out.byte(static_cast<std::uint8_t>(*report.state));
  if (report.done) out.integer(*report.done);
  if (report.total) out.integer(*report.total);
  if (has_texts) {
    out.text(report.message);
    out.text(report.result);
    out.text(report.failed_reason);
  }
  if (report.if_match) {
    out.number(report.if_match->size());
    for (const Sequence sequence : *report.if_match) out.number(sequence);
  }
}

Report decode_report(ByteReader& in) {
  Report report;
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
  if ((says & kHasIfMatch) != 0) {
    report.if_match.emplace();
    for (std::uint64_t left = in.number(); left > 0 && in.ok(); --left) {
      report.if_match->push_back(in.number());
    }
  }
  return report;
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

Change decode_change(ByteReader& in, const std::string& last_job_id, Millis last_at) {
  const std::uint8_t head = in.byte();
  const auto kind = static_cast<std::uint8_t>(head & ~kSameJob);
  if (kind >= kChangeKinds) in.fail();
  Change change =
      make_change(static_cast<ChangeKind>(kind), {}, wrapping_sum(last_at, in.integer()));
  change.job_id = (head & kSameJob) != 0 ? last_job_id : std::string(in.string());
  switch (change.kind) {
    case ChangeKind::kCreate:
      change.creation = std::make_unique<Creation>(decode_creation(in));
      break;
    case ChangeKind::kReport:
      change.report = decode_report(in);
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
  out.byte(spec.removed_once_told ? 1 : 0);
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
  spec.removed_once_told = in.byte() != 0;
  return spec;
}

void ChangeBlock::add(const Change& change) {
  ByteWriter out(bytes_);
  if (changes_++ == 0) {
    last_job_id_.clear();
    last_at_ = 0;
    out.byte(kBlockVersion);
  }
  const bool same_job = change.job_id == last_job_id_;
  out.byte(static_cast<std::uint8_t>(static_cast<std::uint8_t>(change.kind) |
                                     (same_job ? kSameJob : 0)));
  out.integer(change.at - last_at_);
  if (!same_job) out.string(change.job_id);
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
  if (in.byte() != kBlockVersion) return false;
  std::string last_job_id;
  Millis last_at = 0;
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

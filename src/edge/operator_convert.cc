#include "edge/operator_convert.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "edge/timestamp.h"

namespace fulcrum::edge {
namespace {

constexpr size_t kIdBytesMax = 256;
constexpr int64_t kSecondsMax = int64_t{100} * 366 * 86400;

// The proto keeps 0 for "unspecified".
constexpr int kKindOffset = 1;
static_assert(v1::TARGET_KIND_ALL == static_cast<int>(SwitchKind::kAll) + kKindOffset);
static_assert(v1::TARGET_KIND_SURFACE == static_cast<int>(SwitchKind::kSurface) + kKindOffset);
static_assert(v1::TARGET_KIND_CAMPAIGN == static_cast<int>(SwitchKind::kCampaign) + kKindOffset);
static_assert(v1::TARGET_KIND_ACTION == static_cast<int>(SwitchKind::kAction) + kKindOffset);
static_assert(v1::TARGET_KIND_CREATIVE == static_cast<int>(SwitchKind::kCreative) + kKindOffset);
static_assert(v1::TARGET_KIND_MODEL == static_cast<int>(SwitchKind::kModel) + kKindOffset);
static_assert(v1::TARGET_KIND_FEATURE == static_cast<int>(SwitchKind::kFeature) + kKindOffset);

}  // namespace

absl::StatusOr<SwitchTarget> TargetOf(const v1::Target& target) {
  const int kind = target.kind() - kKindOffset;
  if (kind < 0 || kind >= kSwitchKinds) {
    return absl::InvalidArgumentError(
        "target.kind: must be one of TargetKind, and not unspecified");
  }
  const SwitchTarget wanted{static_cast<SwitchKind>(kind), target.id()};
  const bool has_id = wanted.kind != SwitchKind::kAll && wanted.kind != SwitchKind::kModel;
  if (has_id == wanted.id.empty() || wanted.id.size() > kIdBytesMax) {
    return absl::InvalidArgumentError(
        has_id ? "target.id: must have 1 to 256 bytes"
               : absl::StrCat("target.id: must be empty for ", NameOf(wanted.kind)));
  }
  return wanted;
}

absl::StatusOr<absl::Duration> SpanOf(const v1::PauseRequest& request) {
  if (!request.has_lasts()) return absl::InfiniteDuration();
  const google::protobuf::Duration& lasts = request.lasts();
  const absl::Duration span = absl::Seconds(lasts.seconds()) + absl::Nanoseconds(lasts.nanos());
  if (span > absl::ZeroDuration() && lasts.seconds() <= kSecondsMax) return span;
  return absl::InvalidArgumentError("lasts: must be above 0 and at most 100 years");
}

void FillSwitches(const std::vector<Switch>& switches, v1::ListSwitchesResponse* response) {
  for (const Switch& one : switches) {
    v1::Switch* const to = response->add_switches();
    to->mutable_target()->set_kind(
        static_cast<v1::TargetKind>(static_cast<int>(one.target.kind) + kKindOffset));
    to->mutable_target()->set_id(one.target.id);
    to->set_reason(one.reason);
    to->set_paused_by(one.paused_by);
    SetTimestamp(one.paused_at, to->mutable_paused_at());
    if (one.until != absl::InfiniteFuture()) SetTimestamp(one.until, to->mutable_expires_at());
    to->set_lsn(one.lsn);
  }
}

}  // namespace fulcrum::edge

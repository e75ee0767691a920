#include "decision_log/event_json.h"

#include <google/protobuf/util/json_util.h>

#include "base/check.h"
#include "decision_log/record_codec.h"
#include "fulcrum/log/v1/decision_log.pb.h"

namespace fulcrum::decision_log {
namespace {

namespace pb = ::fulcrum::log::v1;

template <typename Proto>
std::string PayloadToJson(std::string_view payload) {
  Proto proto;
  FULCRUM_CHECK(proto.ParseFromArray(payload.data(), static_cast<int>(payload.size())));
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  FULCRUM_CHECK(google::protobuf::util::MessageToJsonString(proto, &json, options).ok());
  return json;
}

}  // namespace

const char* EventTypeName(const LogEvent& event) {
  constexpr const char* kNames[] = {"decision", "exposure",         "outcome",      "superseded",
                                    "unshown",  "posterior_update", "price_update", "lease",
                                    "audit",    "identity",         "settlement"};
  static_assert(std::variant_size_v<LogEvent> == std::size(kNames));
  return kNames[event.index()];
}

std::string EventToJson(const LogEvent& event) {
  RecordEncoder encoder;
  const std::string_view payload = encoder.Encode(event);
  switch (TypeOf(event)) {
    case RecordType::kExposure:
      return PayloadToJson<pb::ExposureRecord>(payload);
    case RecordType::kOutcome:
      return PayloadToJson<pb::OutcomeRecord>(payload);
    case RecordType::kSuperseded:
      return PayloadToJson<pb::SupersededRecord>(payload);
    case RecordType::kUnshown:
      return PayloadToJson<pb::UnshownRecord>(payload);
    case RecordType::kPosteriorUpdate:
      return PayloadToJson<pb::PosteriorUpdateRecord>(payload);
    case RecordType::kPriceUpdate:
      return PayloadToJson<pb::PriceUpdateRecord>(payload);
    case RecordType::kLease:
      return PayloadToJson<pb::LeaseRecord>(payload);
    case RecordType::kAudit:
      return PayloadToJson<pb::AuditRecord>(payload);
    case RecordType::kIdentity:
      return PayloadToJson<pb::IdentityRecord>(payload);
    case RecordType::kSettlement:
      return PayloadToJson<pb::SettlementRecord>(payload);
    default:
      return PayloadToJson<pb::DecisionRecord>(payload);
  }
}

}  // namespace fulcrum::decision_log

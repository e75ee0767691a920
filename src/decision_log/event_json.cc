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
  constexpr const char* kNames[] = {"decision", "exposure", "outcome", "superseded", "unshown"};
  static_assert(std::variant_size_v<LogEvent> == std::size(kNames));
  return kNames[event.index()];
}

DecisionId EventDecisionId(const LogEvent& event) {
  if (const auto* const decision = std::get_if<DecisionRecord>(&event)) return decision->id;
  if (const auto* const exposure = std::get_if<ExposureRecord>(&event))
    return exposure->decision_id;
  if (const auto* const outcome = std::get_if<OutcomeRecord>(&event)) return outcome->decision_id;
  if (const auto* const superseded = std::get_if<SupersededRecord>(&event)) {
    return superseded->decision_id;
  }
  return std::get<UnshownRecord>(event).decision_id;
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
    default:
      return PayloadToJson<pb::DecisionRecord>(payload);
  }
}

}  // namespace fulcrum::decision_log

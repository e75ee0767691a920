#include "exchange/json_lines.h"

#include <google/protobuf/util/json_util.h>
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "decision_log/record_codec.h"
#include "fulcrum/log/v1/decision_log.pb.h"

namespace fulcrum::exchange {
namespace {

namespace pb = ::fulcrum::log::v1;
using decision_log::RecordType;
using decision_log::Stream;

// A payload fits in base64, whatever its event would be as text.
static_assert(kLineBytesMax > 2 * size_t{decision_log::kPayloadBytesMax});

struct TypeName {
  RecordType type;
  const char* name;
};
constexpr TypeName kTypes[] = {{RecordType::kDecision, "decision"},
                               {RecordType::kExposure, "exposure"},
                               {RecordType::kOutcome, "outcome"},
                               {RecordType::kSuperseded, "superseded"},
                               {RecordType::kPosteriorUpdate, "posterior_update"},
                               {RecordType::kPriceUpdate, "price_update"},
                               {RecordType::kLease, "lease"},
                               {RecordType::kAudit, "audit"},
                               {RecordType::kUnshown, "unshown"},
                               {RecordType::kIdentity, "identity"},
                               {RecordType::kSettlement, "settlement"},
                               {RecordType::kFeatureSnapshot, "feature_snapshot"}};

std::unique_ptr<google::protobuf::Message> MessageOf(RecordType type) {
  switch (type) {
    case RecordType::kDecision:
      return std::make_unique<pb::DecisionRecord>();
    case RecordType::kExposure:
      return std::make_unique<pb::ExposureRecord>();
    case RecordType::kOutcome:
      return std::make_unique<pb::OutcomeRecord>();
    case RecordType::kSuperseded:
      return std::make_unique<pb::SupersededRecord>();
    case RecordType::kPosteriorUpdate:
      return std::make_unique<pb::PosteriorUpdateRecord>();
    case RecordType::kPriceUpdate:
      return std::make_unique<pb::PriceUpdateRecord>();
    case RecordType::kLease:
      return std::make_unique<pb::LeaseRecord>();
    case RecordType::kAudit:
      return std::make_unique<pb::AuditRecord>();
    case RecordType::kIdentity:
      return std::make_unique<pb::IdentityRecord>();
    case RecordType::kUnshown:
      return std::make_unique<pb::UnshownRecord>();
    case RecordType::kSettlement:
      return std::make_unique<pb::SettlementRecord>();
    case RecordType::kFeatureSnapshot:
      return std::make_unique<pb::FeatureSnapshot>();
    default:
      return nullptr;
  }
}

absl::StatusOr<std::string> PayloadOf(RecordType type, const std::string& json) {
  const std::unique_ptr<google::protobuf::Message> message = MessageOf(type);
  const auto status = google::protobuf::util::JsonStringToMessage(json, message.get());
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("'event': ", std::string(status.message())));
  }
  return message->SerializeAsString();
}

absl::StatusOr<std::string> Text(const rapidjson::Value& object, const char* name) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd() || !found->value.IsString()) {
    return absl::InvalidArgumentError(absl::StrCat("'", name, "' is missing or of another type"));
  }
  return std::string(found->value.GetString(), found->value.GetStringLength());
}

// Numbers are read as texts.
template <typename Number>
absl::Status ReadNumber(const rapidjson::Value& object, const char* name, Number* number) {
  FULCRUM_ASSIGN_OR_RETURN(const std::string text, Text(object, name));
  if (absl::SimpleAtoi(text, number)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", name, "' is no whole number: ", text));
}

// The payload itself if the line has it, else what the event says.
absl::StatusOr<std::string> ReadPayload(const rapidjson::Value& object, RecordType type) {
  if (object.HasMember("payload")) {
    FULCRUM_ASSIGN_OR_RETURN(const std::string base64, Text(object, "payload"));
    std::string payload;
    if (absl::Base64Unescape(base64, &payload)) return payload;
    return absl::InvalidArgumentError("'payload' is not base64");
  }
  const auto event = object.FindMember("event");
  if (event == object.MemberEnd() || !event->value.IsObject()) {
    return absl::InvalidArgumentError("'event' is missing or no object");
  }
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  event->value.Accept(writer);
  return PayloadOf(type, {buffer.GetString(), buffer.GetSize()});
}

absl::Status CheckPayload(const LogRecord& record) {
  if (record.payload.size() > decision_log::kPayloadBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("the record's payload has ",
                                                   record.payload.size(), " bytes, more than ",
                                                   decision_log::kPayloadBytesMax));
  }
  const absl::Status status = record.stream == Stream::kFeatures
                                  ? decision_log::ParseSnapshot(record.payload).status()
                                  : decision_log::ParseEvent(record.type, record.payload).status();
  return status.ok() ? status : absl::InvalidArgumentError(status.message());
}

// An empty `event` is left out.
std::string Line(const LogRecord& record, const char* type, const std::string& event,
                 bool with_payload) {
  std::string line = absl::StrCat("{\"type\":\"", type, "\",\"lsn\":", record.lsn,
                                  ",\"time_us\":", record.time_us);
  if (!event.empty()) absl::StrAppend(&line, ",\"event\":", event);
  if (with_payload) {
    absl::StrAppend(&line, ",\"payload\":\"", absl::Base64Escape(record.payload), "\"");
  }
  return line + "}";
}

}  // namespace

absl::StatusOr<std::string> ToJsonLine(const LogRecord& record) {
  const std::unique_ptr<google::protobuf::Message> message = MessageOf(record.type);
  if (message == nullptr || !message->ParseFromString(record.payload)) {
    return absl::InvalidArgumentError("the payload is no message of its type");
  }
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string event;
  if (!google::protobuf::util::MessageToJsonString(*message, &event, options).ok()) {
    return absl::InvalidArgumentError("the payload cannot be written as JSON");
  }
  const char* name = "";
  for (const TypeName& one : kTypes) {
    if (one.type == record.type) name = one.name;
  }
  // JSON cannot say all that a payload can, such as which NaN it is: then it goes along.
  std::string line = Line(record, name, event, false);
  const absl::StatusOr<LogRecord> back = FromJsonLine(line);
  if (back.ok() && *back == record) return line;
  line = Line(record, name, event, true);
  if (line.size() <= kLineBytesMax) return line;
  return Line(record, name, "", true);
}

absl::StatusOr<LogRecord> FromJsonLine(std::string_view line) {
  if (line.size() > kLineBytesMax) return absl::InvalidArgumentError("the line is too long");
  rapidjson::Document object;
  constexpr unsigned kFlags = rapidjson::kParseNumbersAsStringsFlag |
                              rapidjson::kParseIterativeFlag |
                              rapidjson::kParseValidateEncodingFlag;
  object.Parse<kFlags>(line.data(), line.size());
  if (object.HasParseError()) {
    return absl::InvalidArgumentError(
        absl::StrCat("column ", object.GetErrorOffset() + 1, ": ",
                     rapidjson::GetParseError_En(object.GetParseError())));
  }
  if (!object.IsObject()) return absl::InvalidArgumentError("the line is no JSON object");
  FULCRUM_ASSIGN_OR_RETURN(const std::string type, Text(object, "type"));
  LogRecord record;
  bool known = false;
  for (const TypeName& one : kTypes) {
    if (type != one.name) continue;
    record.type = one.type;
    known = true;
  }
  if (!known) return absl::InvalidArgumentError(absl::StrCat("'type' is unknown: ", type));
  record.stream =
      record.type == RecordType::kFeatureSnapshot ? Stream::kFeatures : Stream::kDecisions;
  FULCRUM_RETURN_IF_ERROR(ReadNumber(object, "lsn", &record.lsn));
  FULCRUM_RETURN_IF_ERROR(ReadNumber(object, "time_us", &record.time_us));
  FULCRUM_ASSIGN_OR_RETURN(record.payload, ReadPayload(object, record.type));
  FULCRUM_RETURN_IF_ERROR(CheckPayload(record));
  return record;
}

}  // namespace fulcrum::exchange

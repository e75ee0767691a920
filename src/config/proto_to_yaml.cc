#include "config/proto_to_yaml.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "config/yaml_to_proto.h"

namespace fulcrum::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      absl::StrAppend(&quoted, "\\", std::string(1, c));
    } else if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppendFormat(&quoted, "\\x%02x", byte);
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + "\"";
}

// The shortest text that reads back as the same double.
std::string NumberText(double value) {
  std::string text;
  for (int digits = 6; digits <= 17; ++digits) {
    text = absl::StrFormat("%.*g", digits, value);
    if (std::strtod(text.c_str(), nullptr) == value) break;
  }
  return text;
}

std::string TimeText(const Message& message) {
  google::protobuf::Timestamp proto;
  proto.CopyFrom(message);
  return absl::FormatTime(absl::RFC3339_full,
                          absl::FromUnixSeconds(proto.seconds()) + absl::Nanoseconds(proto.nanos()),
                          absl::UTCTimeZone());
}

std::string DurationText(const Message& message) {
  google::protobuf::Duration proto;
  proto.CopyFrom(message);
  return absl::FormatDuration(absl::Seconds(proto.seconds()) + absl::Nanoseconds(proto.nanos()));
}

bool IsNested(const FieldDescriptor& field) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return false;
  const std::string& type = field.message_type()->full_name();
  return type != "google.protobuf.Timestamp" && type != "google.protobuf.Duration";
}

// One value of a field: the field's own, or entry `index` of a repeated one.
class Value {
 public:
  Value(const Message& message, const FieldDescriptor& field, int index)
      : message_(message), reflection_(*message.GetReflection()), field_(field), index_(index) {}

  const Message& AsMessage() const {
    return field_.is_repeated() ? reflection_.GetRepeatedMessage(message_, &field_, index_)
                                : reflection_.GetMessage(message_, &field_);
  }

  std::string Text() const;

 private:
  template <typename Single, typename Repeated>
  auto Get(Single single, Repeated repeated) const {
    return field_.is_repeated() ? (reflection_.*repeated)(message_, &field_, index_)
                                : (reflection_.*single)(message_, &field_);
  }

  const Message& message_;
  const Reflection& reflection_;
  const FieldDescriptor& field_;
  int index_;
};

std::string Value::Text() const {
  switch (field_.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return Get(&Reflection::GetBool, &Reflection::GetRepeatedBool) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(Get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(Get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(Get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(Get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return NumberText(Get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
    case FieldDescriptor::CPPTYPE_STRING:
      return Quoted(Get(&Reflection::GetString, &Reflection::GetRepeatedString));
    case FieldDescriptor::CPPTYPE_ENUM:
      return ShortEnumName(*Get(&Reflection::GetEnum, &Reflection::GetRepeatedEnum));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return field_.message_type()->full_name() == "google.protobuf.Timestamp"
                 ? TimeText(AsMessage())
                 : DurationText(AsMessage());
    case FieldDescriptor::CPPTYPE_FLOAT:
      break;  // not used by the schema
  }
  return "";
}

void WriteFields(const Message& message, const std::string& indent, std::string* yaml);

// Entries of a list of messages: the first field follows the dash.
void WriteItem(const Message& message, const std::string& indent, std::string* yaml) {
  std::string fields;
  WriteFields(message, indent + "  ", &fields);
  if (fields.empty()) {
    absl::StrAppend(yaml, indent, "- {}\n");
  } else {
    absl::StrAppend(yaml, indent, "- ", fields.substr(indent.size() + 2));
  }
}

void WriteList(const Message& message, const FieldDescriptor& field, const std::string& indent,
               std::string* yaml) {
  absl::StrAppend(yaml, indent, field.name(), ":\n");
  const int size = message.GetReflection()->FieldSize(message, &field);
  for (int i = 0; i < size; ++i) {
    const Value value(message, field, i);
    if (IsNested(field)) {
      WriteItem(value.AsMessage(), indent + "  ", yaml);
    } else {
      absl::StrAppend(yaml, indent, "  - ", value.Text(), "\n");
    }
  }
}

void WriteFields(const Message& message, const std::string& indent, std::string* yaml) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->is_repeated()) {
      WriteList(message, *field, indent, yaml);
      continue;
    }
    const Value value(message, *field, 0);
    if (!IsNested(*field)) {
      absl::StrAppend(yaml, indent, field->name(), ": ", value.Text(), "\n");
      continue;
    }
    std::string children;
    WriteFields(value.AsMessage(), indent + "  ", &children);
    absl::StrAppend(yaml, indent, field->name(), children.empty() ? ": {}\n" : ":\n", children);
  }
}

}  // namespace

std::string WriteYaml(const Message& message) {
  std::string yaml;
  WriteFields(message, "", &yaml);
  return yaml;
}

}  // namespace fulcrum::config

#include "config/yaml_to_proto.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "config/nearest.h"
#include "config/scalar.h"

namespace fulcrum::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kTextBytesMax = 4096;
constexpr size_t kIdBytesMax = 64;

bool IsDuration(const Descriptor& type) {
  return type.full_name() == "google.protobuf.Duration";
}
bool IsTime(const Descriptor& type) {
  return type.full_name() == "google.protobuf.Timestamp";
}

// Whether the field is written as nested YAML rather than as one scalar.
bool IsNested(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         !IsDuration(*field.message_type()) && !IsTime(*field.message_type());
}

bool IsId(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  };
  return !text.empty() && text.size() <= kIdBytesMax &&
         std::all_of(text.begin(), text.end(), allowed);
}

std::vector<std::string> FieldNames(const Descriptor& type) {
  std::vector<std::string> names;
  names.reserve(static_cast<size_t>(type.field_count()));
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

// Sets a field or, if it is repeated, appends to it.
class FieldWriter {
 public:
  FieldWriter(Message* message, const FieldDescriptor* field)
      : message_(message), reflection_(message->GetReflection()), field_(field) {}

  void Write(bool value) { Put(&Reflection::SetBool, &Reflection::AddBool, value); }
  void Write(int32_t value) { Put(&Reflection::SetInt32, &Reflection::AddInt32, value); }
  void Write(int64_t value) { Put(&Reflection::SetInt64, &Reflection::AddInt64, value); }
  void Write(uint32_t value) { Put(&Reflection::SetUInt32, &Reflection::AddUInt32, value); }
  void Write(uint64_t value) { Put(&Reflection::SetUInt64, &Reflection::AddUInt64, value); }
  void Write(double value) { Put(&Reflection::SetDouble, &Reflection::AddDouble, value); }
  void Write(const std::string& value) {
    Put(&Reflection::SetString, &Reflection::AddString, value);
  }
  void Write(const EnumValueDescriptor* value) {
    Put(&Reflection::SetEnum, &Reflection::AddEnum, value);
  }
  void Write(absl::Duration value) {
    google::protobuf::Duration proto;
    proto.set_seconds(absl::IDivDuration(value, absl::Seconds(1), &value));
    proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(value)));
    Child()->CopyFrom(proto);
  }
  void Write(absl::Time value) {
    google::protobuf::Timestamp proto;
    proto.set_seconds(absl::ToUnixSeconds(value));
    proto.set_nanos(static_cast<int32_t>(
        absl::ToInt64Nanoseconds(value - absl::FromUnixSeconds(proto.seconds()))));
    Child()->CopyFrom(proto);
  }

  Message* Child() {
    return field_->is_repeated() ? reflection_->AddMessage(message_, field_)
                                 : reflection_->MutableMessage(message_, field_);
  }

 private:
  template <typename Setter, typename Adder, typename T>
  void Put(Setter set, Adder add, const T& value) {
    if (field_->is_repeated()) {
      (reflection_->*add)(message_, field_, value);
    } else {
      (reflection_->*set)(message_, field_, value);
    }
  }

  Message* message_;
  const Reflection* reflection_;
  const FieldDescriptor* field_;
};

// OK, or what is wrong with the number.
template <typename T>
absl::Status CheckRange(const v1::FieldRule& rule, T value) {
  const auto bound = [](const std::string& text) {
    absl::StatusOr<T> parsed = ParseScalar<T>(text);
    FULCRUM_CHECK(parsed.ok());  // the schema is ours
    return *parsed;
  };
  const bool low = !rule.min().empty() && value < bound(rule.min());
  const bool high = !rule.max().empty() && value > bound(rule.max());
  if (!low && !high) return absl::OkStatus();
  if (rule.max().empty()) return absl::InvalidArgumentError("must be at least " + rule.min());
  if (rule.min().empty()) return absl::InvalidArgumentError("must be at most " + rule.max());
  return absl::InvalidArgumentError(absl::StrCat("must be ", rule.min(), " to ", rule.max()));
}

template <typename T>
absl::Status WriteNumber(const v1::FieldRule& rule, std::string_view text, FieldWriter* writer) {
  absl::StatusOr<T> value = ParseScalar<T>(text);
  if (!value.ok()) return value.status();
  writer->Write(*value);
  return CheckRange(rule, *value);
}

absl::Status WriteText(const v1::FieldRule& rule, const std::string& text, FieldWriter* writer) {
  if (text.size() > kTextBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("longer than ", kTextBytesMax, " bytes"));
  }
  writer->Write(text);  // a bad id too: what refers to it is then not reported as well
  if (rule.id() && !IsId(text)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text.substr(0, 80),
                     "' is not an id: use 1 to 64 of the characters a-z, 0-9, '_', '.', '-'"));
  }
  if (rule.required() && text.empty()) return absl::InvalidArgumentError("must not be empty");
  return absl::OkStatus();
}

absl::Status WriteEnum(const EnumDescriptor& type, const std::string& text, FieldWriter* writer) {
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i) {
    const std::string name = ShortEnumName(*type.value(i));
    if (name.empty()) continue;
    if (name == text) {
      writer->Write(type.value(i));
      return absl::OkStatus();
    }
    names.push_back(name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown value '", text.substr(0, 80), "'", NearestHint(text, names)));
}

// Writes the value that `text` stands for. Its range is checked after it is written, so that what
// is wrong with one field does not make others look wrong.
absl::Status WriteScalar(const FieldDescriptor& field, const std::string& text, Message* message) {
  FieldWriter writer(message, &field);
  const v1::FieldRule& rule = RuleOf(field);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL: {
      absl::StatusOr<bool> value = ParseScalar<bool>(text);
      if (value.ok()) writer.Write(*value);
      return value.status();
    }
    case FieldDescriptor::CPPTYPE_INT32:
      return WriteNumber<int32_t>(rule, text, &writer);
    case FieldDescriptor::CPPTYPE_INT64:
      return WriteNumber<int64_t>(rule, text, &writer);
    case FieldDescriptor::CPPTYPE_UINT32:
      return WriteNumber<uint32_t>(rule, text, &writer);
    case FieldDescriptor::CPPTYPE_UINT64:
      return WriteNumber<uint64_t>(rule, text, &writer);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return WriteNumber<double>(rule, text, &writer);
    case FieldDescriptor::CPPTYPE_STRING:
      return WriteText(rule, text, &writer);
    case FieldDescriptor::CPPTYPE_ENUM:
      return WriteEnum(*field.enum_type(), text, &writer);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (IsDuration(*field.message_type()))
        return WriteNumber<absl::Duration>(rule, text, &writer);
      return WriteNumber<absl::Time>(rule, text, &writer);
    case FieldDescriptor::CPPTYPE_FLOAT:
      break;  // not used by the schema
  }
  return absl::InternalError("a type of field that the reader does not know");
}

const char* KindName(YamlKind kind) {
  switch (kind) {
    case YamlKind::kNull:
      return "nothing";
    case YamlKind::kScalar:
      return "a single value";
    case YamlKind::kList:
      return "a list";
    case YamlKind::kMap:
      return "a group of fields";
  }
  return "";
}

class Reader {
 public:
  Reader(const std::string& file, Places* places, Problems* problems)
      : file_(file), places_(places), problems_(problems) {}

  void ReadMap(const YamlNode& node, const std::string& path, Message* message) {
    const Descriptor& type = *message->GetDescriptor();
    for (const YamlEntry& entry : node.entries) {
      const FieldDescriptor* field = type.FindFieldByName(entry.key);
      if (field == nullptr) {
        Report(entry, absl::StrCat("unknown field '", entry.key.substr(0, 80), "' of ",
                                   path.empty() ? "the file" : path,
                                   NearestHint(entry.key, FieldNames(type))));
        continue;
      }
      ReadField(*field, entry, path.empty() ? entry.key : absl::StrCat(path, ".", entry.key),
                message);
    }
  }

 private:
  template <typename At>
  void Report(const At& at, const std::string& message) {
    problems_->Add({file_, at.line, at.column}, message);
  }
  template <typename At>
  void Mark(const std::string& path, const At& at) {
    places_->Set(path, {file_, at.line, at.column});
  }

  // Whether `node` is of the wanted kind; reports it if not.
  bool Expect(const YamlNode& node, YamlKind kind, const std::string& path) {
    if (node.kind == kind) return true;
    if (node.kind == YamlKind::kNull) {
      Report(node, absl::StrCat(path, " has no value; give one or remove the line"));
    } else {
      Report(node, absl::StrCat(path, " must be ", KindName(kind), ", not ", KindName(node.kind)));
    }
    return false;
  }

  void ReadField(const FieldDescriptor& field, const YamlEntry& entry, const std::string& path,
                 Message* message) {
    if (field.is_repeated()) {
      if (!places_->Has(path)) Mark(path, entry);
      if (Expect(entry.value, YamlKind::kList, path)) ReadList(field, entry.value, path, message);
      return;
    }
    if (places_->Has(path)) {
      Report(entry,
             absl::StrCat("'", path, "' is given twice; first at ", places_->At(path).ToString()));
      return;
    }
    Mark(path, entry.value.kind == YamlKind::kScalar
                   ? Position{entry.value.line, entry.value.column}
                   : Position{entry.line, entry.column});
    ReadValue(field, entry.value, path, message);
  }

  void ReadList(const FieldDescriptor& field, const YamlNode& list, const std::string& path,
                Message* message) {
    for (const YamlNode& item : list.items) {
      const int index = message->GetReflection()->FieldSize(*message, &field);
      const std::string item_path = absl::StrCat(path, "[", index, "]");
      Mark(item_path, item);
      ReadValue(field, item, item_path, message);
    }
  }

  void ReadValue(const FieldDescriptor& field, const YamlNode& node, const std::string& path,
                 Message* message) {
    if (IsNested(field)) {
      if (Expect(node, YamlKind::kMap, path)) {
        ReadMap(node, path, FieldWriter(message, &field).Child());
      }
      return;
    }
    if (!Expect(node, YamlKind::kScalar, path)) return;
    const bool is_text = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    if (is_text && !node.quoted && LooksLikeOtherThanText(node.text)) {
      Report(node, absl::StrCat(path, ": expected text; put ", node.text.substr(0, 80),
                                " in quotes if it is meant as such"));
      return;
    }
    const bool is_number = !is_text && field.cpp_type() != FieldDescriptor::CPPTYPE_ENUM &&
                           field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE;
    if (is_number && node.quoted) {
      Report(node, absl::StrCat(path, ": text in quotes; remove the quotes"));
      return;
    }
    const absl::Status written = WriteScalar(field, node.text, message);
    if (!written.ok()) Report(node, absl::StrCat(path, ": ", written.message()));
  }

  struct Position {
    int line;
    int column;
  };

  const std::string& file_;
  Places* places_;
  Problems* problems_;
};

class Finisher {
 public:
  Finisher(const Places& places, Problems* problems) : places_(places), problems_(problems) {}

  void Finish(const std::string& path, Message* message) {
    const Descriptor& type = *message->GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      const std::string field_path =
          path.empty() ? field.name() : absl::StrCat(path, ".", field.name());
      if (IsNested(field)) FinishChildren(field, field_path, message);
      FinishField(field, path, field_path, message);
    }
  }

 private:
  void FinishChildren(const FieldDescriptor& field, const std::string& path, Message* message) {
    const Reflection& reflection = *message->GetReflection();
    if (!field.is_repeated()) {
      if (reflection.HasField(*message, &field)) {
        Finish(path, reflection.MutableMessage(message, &field));
      }
      return;
    }
    for (int i = 0; i < reflection.FieldSize(*message, &field); ++i) {
      Finish(absl::StrCat(path, "[", i, "]"),
             reflection.MutableRepeatedMessage(message, &field, i));
    }
  }

  void FinishField(const FieldDescriptor& field, const std::string& path,
                   const std::string& field_path, Message* message) {
    const v1::FieldRule& rule = RuleOf(field);
    const Reflection& reflection = *message->GetReflection();
    if (places_.Has(field_path)) {
      const bool unread = places_.Has(absl::StrCat(field_path, "[0]"));  // reported already
      if (rule.required() && field.is_repeated() && !unread &&
          reflection.FieldSize(*message, &field) == 0) {
        problems_->Add(places_.At(field_path), absl::StrCat(field_path, " must not be empty"));
      }
    } else if (rule.required()) {
      problems_->Add(places_.At(path), path.empty()
                                           ? absl::StrCat("'", field.name(), "' is missing")
                                           : absl::StrCat(path, " needs '", field.name(), "'"));
    } else if (!rule.default_().empty()) {
      FULCRUM_CHECK(WriteScalar(field, rule.default_(), message).ok());  // the schema is ours
    }
  }

  const Places& places_;
  Problems* problems_;
};

}  // namespace

Place Places::At(std::string_view path) const {
  while (true) {
    const auto found = places_.find(path);
    if (found != places_.end()) return found->second;
    if (path.empty()) return {};
    const size_t cut = path.find_last_of(".[");
    path = cut == std::string_view::npos ? std::string_view() : path.substr(0, cut);
  }
}

const v1::FieldRule& RuleOf(const FieldDescriptor& field) {
  return field.options().GetExtension(v1::rule);
}

std::string ShortEnumName(const EnumValueDescriptor& value) {
  if (value.number() == 0) return "";
  constexpr std::string_view kSuffix = "UNSPECIFIED";
  const size_t prefix = value.type()->FindValueByNumber(0)->name().size() - kSuffix.size();
  std::string name = value.name().substr(prefix);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

void ReadMessage(const YamlNode& root, const std::string& file, Message* message, Places* places,
                 Problems* problems) {
  if (!places->Has("")) places->Set("", {file, 0, 0});
  if (root.kind == YamlKind::kNull) return;
  if (root.kind != YamlKind::kMap) {
    problems->Add({file, root.line, root.column},
                  absl::StrCat("the file must hold fields, not ", KindName(root.kind)));
    return;
  }
  Reader(file, places, problems).ReadMap(root, "", message);
}

void FinishMessage(Message* message, const Places& places, Problems* problems) {
  Finisher(places, problems).Finish("", message);
}

}  // namespace fulcrum::config

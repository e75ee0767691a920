// Writes docs/configuration.md from the schema of the configuration: the comments of the protos and
// the rules that the reader enforces. With --check it writes nothing and fails if the file differs.
//
//   config_reference [--check] SCHEMA.binpb configuration.md
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "config/yaml_to_proto.h"

namespace fulcrum {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

constexpr char kIntroduction[] = R"(# Configuration reference

<!-- Written by `make docs` from proto/fulcrum/config/v1; do not edit. A test holds it current. -->

A bundle is a directory. All its `*.yaml` files (not those of folders below it) are read as one:
lists are concatenated in the order of the file names, any other field may be given once.
`fulcrum check DIR` says whether a bundle is good, and if not, what is wrong, as
`file:line:column: error: ...` with the nearest valid name. `configs/example` is a bundle to start
from.

Reading is strict:

- Unknown fields, values of another type, NaN and infinity, repeated keys and keys without a value
  are errors. Anchors, aliases and tags are refused, so that every value has one place.
- Text that looks like a number or a truth value must be in quotes; numbers must not be.
- Whole numbers may be grouped: `2_000_000`. Time spans carry a unit: `10ms`, `2s`, `1h30m`. Times
  follow RFC 3339: `2026-03-01T00:00:00+01:00`. Money is in micros: 1 EUR is `1_000_000`.
- An id has 1 to 64 of the characters a-z, 0-9, `_`, `.` and `-`.

The version of a bundle is the first 8 bytes of a SHA-256 over its meaning, the model's files
included. Comments, layout, the order of entries, the split into files and fields written out with
their default do not change it.
)";

std::string CommentOf(const google::protobuf::SourceLocation& location) {
  std::vector<std::string> lines = absl::StrSplit(location.leading_comments, '\n');
  std::string text;
  for (const std::string& line : lines) {
    const absl::string_view bare = absl::StripAsciiWhitespace(line);
    if (!bare.empty()) absl::StrAppend(&text, text.empty() ? "" : " ", bare);
  }
  return text;
}

template <typename T>
std::string CommentOf(const T& described) {
  google::protobuf::SourceLocation location;
  return described.GetSourceLocation(&location) ? CommentOf(location) : "";
}

std::string Anchor(const std::string& title) {
  std::string anchor = title;
  std::transform(anchor.begin(), anchor.end(), anchor.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return anchor;
}

std::string Link(const std::string& title) {
  return absl::StrCat("[", title, "](#", Anchor(title), ")");
}

std::string TypeOf(const FieldDescriptor& field, const config::v1::FieldRule& rule) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_STRING:
      return rule.id() ? "id" : "text";
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return "number";
    case FieldDescriptor::CPPTYPE_ENUM:
      return Link(field.enum_type()->name());
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (field.message_type()->full_name() == "google.protobuf.Duration") return "time span";
      if (field.message_type()->full_name() == "google.protobuf.Timestamp") return "time";
      return Link(field.message_type()->name());
    default:
      return "whole number";
  }
}

std::string RangeOf(const config::v1::FieldRule& rule) {
  std::string range;
  if (!rule.min().empty() && !rule.max().empty()) {
    range = absl::StrCat(rule.min(), " to ", rule.max());
  } else if (!rule.min().empty()) {
    range = absl::StrCat("at least ", rule.min());
  } else if (!rule.max().empty()) {
    range = absl::StrCat("at most ", rule.max());
  }
  if (!rule.refers_to().empty()) absl::StrAppend(&range, "one of `", rule.refers_to(), "`");
  const bool spelled = rule.unit().empty() || rule.unit() == "time" || rule.unit() == "RFC 3339";
  if (!spelled) absl::StrAppend(&range, range.empty() ? "" : ", ", rule.unit());
  return range;
}

std::string DefaultOf(const config::v1::FieldRule& rule) {
  if (rule.required()) return "required";
  return rule.default_().empty() ? "" : absl::StrCat("`", rule.default_(), "`");
}

void AppendMessage(const Descriptor& type, const std::string& title, std::string* out) {
  absl::StrAppend(out, "\n## ", title, "\n\n", CommentOf(type), "\n\n",
                  "| field | type | default | range and unit | meaning |\n",
                  "|---|---|---|---|---|\n");
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const config::v1::FieldRule& rule = config::RuleOf(field);
    absl::StrAppend(out, "| `", field.name(), "` | ", field.is_repeated() ? "list of " : "",
                    TypeOf(field, rule), " | ", DefaultOf(rule), " | ", RangeOf(rule), " | ",
                    absl::StrReplaceAll(CommentOf(field), {{"|", "\\|"}}), " |\n");
  }
}

void AppendEnum(const EnumDescriptor& type, std::string* out) {
  absl::StrAppend(out, "\n## ", type.name(), "\n\n", CommentOf(type), "\n\n");
  for (int i = 0; i < type.value_count(); ++i) {
    const std::string name = config::ShortEnumName(*type.value(i));
    if (!name.empty()) {
      absl::StrAppend(out, "- `", name, "`: ", CommentOf(*type.value(i)), "\n");
    }
  }
}

// The types of a file, in its order: messages first.
void AppendFile(const google::protobuf::FileDescriptor& file, std::string* out) {
  for (int i = 0; i < file.message_type_count(); ++i) {
    AppendMessage(*file.message_type(i), file.message_type(i)->name(), out);
  }
  for (int i = 0; i < file.enum_type_count(); ++i) AppendEnum(*file.enum_type(i), out);
}

bool ReadFile(const char* path, std::string* text) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  text->assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  return true;
}

bool Generate(const char* schema_path, std::string* out) {
  std::string bytes;
  google::protobuf::FileDescriptorSet set;
  if (!ReadFile(schema_path, &bytes) || !set.ParseFromString(bytes)) return false;
  DescriptorPool pool;
  for (const google::protobuf::FileDescriptorProto& file : set.file()) {
    if (pool.BuildFile(file) == nullptr) return false;
  }
  *out = kIntroduction;
  for (const char* name : {"bundle", "manifest"}) {
    const auto* file = pool.FindFileByName(absl::StrCat("fulcrum/config/v1/", name, ".proto"));
    if (file == nullptr) return false;
    AppendFile(*file, out);
  }
  return true;
}

int Run(bool check, const char* schema_path, const char* reference_path) {
  std::string generated;
  if (!Generate(schema_path, &generated)) {
    std::fprintf(stderr, "config_reference: cannot read the schema %s\n", schema_path);
    return 2;
  }
  std::string current;
  const bool exists = ReadFile(reference_path, &current);
  if (check) {
    if (exists && current == generated) return 0;
    std::fprintf(stderr, "%s differs from the schema: run `make docs`\n", reference_path);
    return 1;
  }
  std::ofstream file(reference_path, std::ios::binary);
  file << generated;
  return file.flush() ? 0 : 2;
}

}  // namespace
}  // namespace fulcrum

int main(int argc, char** argv) {
  const bool check = argc == 4 && std::string_view(argv[1]) == "--check";
  if (!check && argc != 3) {
    std::fprintf(stderr, "usage: config_reference [--check] SCHEMA.binpb configuration.md\n");
    return 2;
  }
  return fulcrum::Run(check, argv[argc - 2], argv[argc - 1]);
}

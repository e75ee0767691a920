// A strict reader from YAML to any protobuf message whose fields carry rules (rules.proto).
//
// An unknown field, a wrong type, a number out of range, NaN, a repeated or an empty key is a
// problem with its place and, where a name is wrong, the nearest valid one. Enums are written by
// their short names (`day` for WINDOW_DAY), durations as `10ms`, times by RFC 3339.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "base/strings.h"
#include "config/problem.h"
#include "config/yaml_tree.h"
#include "fulcrum/config/v1/rules.pb.h"

namespace fulcrum::config {

// Where each value stands, by its path in the message: "surfaces[2].campaigns[0]". Paths of values
// that could not be read are there too.
class Places {
 public:
  void Set(std::string path, Place place) {
    places_.insert_or_assign(std::move(path), std::move(place));
  }
  bool Has(std::string_view path) const { return places_.contains(path); }
  // The place of `path`, or of the nearest enclosing value that was written.
  Place At(std::string_view path) const;

 private:
  base::StringMap<Place> places_;
};

// Reads `root` (a map, or null for an empty file) into `message`. May be called for several files
// in turn: lists are concatenated, any other field may be given once. Not yet done afterwards:
// defaults and missing fields, see FinishMessage.
void ReadMessage(const YamlNode& root, const std::string& file, google::protobuf::Message* message,
                 Places* places, Problems* problems);

// Fills absent fields with their defaults, and reports required fields that are missing. Absent
// messages stay absent.
void FinishMessage(google::protobuf::Message* message, const Places& places, Problems* problems);

// The YAML name of an enum value: WINDOW_DAY -> "day". Empty for the value 0, which has none.
std::string ShortEnumName(const google::protobuf::EnumValueDescriptor& value);

const v1::FieldRule& RuleOf(const google::protobuf::FieldDescriptor& field);

}  // namespace fulcrum::config

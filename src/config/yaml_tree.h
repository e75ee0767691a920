// A YAML document as a plain tree with the position of every node, read from the parser's events.
//
// Stricter than YAML: one document per file, text keys only, no duplicate keys, no anchors or
// aliases (a value would have two positions, and nesting them multiplies the input), no tags.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/problem.h"

namespace fulcrum::config {

enum class YamlKind : uint8_t { kNull, kScalar, kList, kMap };

struct YamlEntry;

struct YamlNode {
  YamlKind kind = YamlKind::kNull;
  int line = 0;
  int column = 0;
  bool quoted = false;          // the scalar was in quotes or a block: text whatever it looks like
  std::string text;             // of a scalar
  std::vector<YamlNode> items;  // of a list
  std::vector<YamlEntry> entries;  // of a map, in the order of the file
};

struct YamlEntry {
  std::string key;
  int line = 0;  // of the key
  int column = 0;
  YamlNode value;
};

inline constexpr size_t kYamlBytesMax = 8 << 20;
inline constexpr int kYamlDepthMax = 32;
inline constexpr size_t kYamlNodesMax = 500'000;

// The tree of `text`; a null node if it holds no document. What is wrong goes to `problems` under
// the name `file`; what could be read is returned all the same.
YamlNode ParseYaml(std::string_view text, const std::string& file, Problems* problems);

}  // namespace fulcrum::config

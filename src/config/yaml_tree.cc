#include "config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sstream>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "config/scalar.h"

namespace fulcrum::config {
namespace {

// Thrown through yaml-cpp, which has no other way to be stopped; never leaves this file.
struct Stop {};

// Builds the tree. Nodes under construction are kept by value on a stack.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, Problems* problems) : file_(file), problems_(problems) {}

  YamlNode TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) Fail(mark, "a second document; one file holds one document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Check(mark, "", anchor);
    Emit(NodeAt(mark, YamlKind::kNull));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Report(mark, "an alias ('*name'); write the value out, so that it has one place");
    Emit(NodeAt(mark, YamlKind::kNull), /*reported=*/true);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Check(mark, tag, anchor);
    YamlNode node = NodeAt(mark, YamlKind::kScalar);
    node.quoted = tag == "!";
    node.text = value;
    Emit(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, YamlKind::kList);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, YamlKind::kMap);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {
    YamlNode node;
    bool has_key = false;        // of a map: the next node is the value of the last entry
    bool skip = false;           // that entry repeats a key or has a bad one; drop it
    base::StringMap<int> lines;  // of a map: the line of each key
  };

  static YamlNode NodeAt(const YAML::Mark& mark, YamlKind kind) {
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  void ReportAt(int line, int column, std::string message) {
    problems_->Add({file_, line, column}, std::move(message));
  }
  void Report(const YAML::Mark& mark, std::string message) {
    ReportAt(mark.line + 1, mark.column + 1, std::move(message));
  }
  [[noreturn]] void Fail(const YAML::Mark& mark, std::string message) {
    Report(mark, std::move(message));
    throw Stop();
  }

  void Check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (++nodes_ > kYamlNodesMax) {
      Fail(mark, absl::StrCat("more than ", kYamlNodesMax, " values in one file"));
    }
    if (anchor != 0) Report(mark, "an anchor ('&name'); aliases are not allowed, so remove it");
    if (!tag.empty() && tag != "?" && tag != "!") {
      Report(mark, absl::StrCat("a tag ('", tag, "'); the field decides the type, so remove it"));
    }
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlKind kind) {
    Check(mark, tag, anchor);
    if (stack_.size() >= kYamlDepthMax) {
      Fail(mark, absl::StrCat("nested deeper than ", kYamlDepthMax, " levels"));
    }
    stack_.emplace_back();
    stack_.back().node = NodeAt(mark, kind);
  }

  void Close() {
    YamlNode node = std::move(stack_.back().node);
    stack_.pop_back();
    Emit(std::move(node));
  }

  void Emit(YamlNode node, bool reported = false) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node.kind == YamlKind::kList) {
      if (!reported) frame.node.items.push_back(std::move(node));
    } else if (frame.has_key) {
      frame.has_key = false;
      if (!frame.skip && !reported) {
        frame.node.entries.back().value = std::move(node);
      } else if (!frame.skip) {
        frame.node.entries.pop_back();
      }
    } else {
      BeginEntry(&frame, node, reported);
    }
  }

  void BeginEntry(Frame* frame, const YamlNode& key, bool reported) {
    frame->has_key = true;
    frame->skip = true;
    if (reported) return;
    if (key.kind != YamlKind::kScalar) {
      ReportAt(key.line, key.column, "a key must be the name of a field");
      return;
    }
    const auto [first, fresh] = frame->lines.try_emplace(key.text, key.line);
    if (!fresh) {
      ReportAt(key.line, key.column,
               absl::StrCat("'", key.text, "' is given twice; first on line ", first->second));
      return;
    }
    frame->skip = false;
    YamlEntry entry;
    entry.key = key.text;
    entry.line = key.line;
    entry.column = key.column;
    frame->node.entries.push_back(std::move(entry));
  }

  const std::string& file_;
  Problems* problems_;
  std::vector<Frame> stack_;
  YamlNode root_;
  size_t nodes_ = 0;
  int documents_ = 0;
};

}  // namespace

YamlNode ParseYaml(std::string_view text, const std::string& file, Problems* problems) {
  if (text.size() > kYamlBytesMax) {
    problems->Add({file, 0, 0}, absl::StrCat("larger than ", kYamlBytesMax, " bytes"));
    return {};
  }
  if (!IsUtf8(text)) {
    problems->Add({file, 0, 0}, "not UTF-8 text; save it in that encoding");
    return {};
  }
  TreeBuilder builder(file, problems);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    return {};
  } catch (const YAML::Exception& error) {
    problems->Add({file, error.mark.line + 1, error.mark.column + 1},
                  absl::StrCat("not YAML: ", error.msg));
    return {};
  }
  return builder.TakeRoot();
}

}  // namespace fulcrum::config

#include "telemetry/exposition.h"

#include <cstddef>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace fulcrum::telemetry {
namespace {

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == ':';
}

// What is left of one line.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  bool empty() const { return rest_.empty(); }
  void SkipBlanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
      rest_.remove_prefix(1);
  }
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view TakeName() {
    size_t size = 0;
    while (size < rest_.size() && IsNameCharacter(rest_[size])) ++size;
    return TakePrefix(size);
  }
  std::string_view TakeWord() { return TakePrefix(rest_.find_first_of(" \t")); }

  // Up to the closing quote; nullopt if there is none.
  std::optional<std::string> TakeQuoted() {
    if (!Take('"')) return std::nullopt;
    std::string value;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return value;
      if (c == '\\') {
        if (rest_.empty()) return std::nullopt;
        c = rest_.front() == 'n' ? '\n' : rest_.front();
        rest_.remove_prefix(1);
      }
      value += c;
    }
    return std::nullopt;
  }

 private:
  std::string_view TakePrefix(size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest_;
};

// {a="1",b="2"}, where a comma may come before the end; or nothing.
bool ReadLabels(Line* line, std::map<std::string, std::string>* labels) {
  if (!line->Take('{')) return true;
  for (bool more = true; more;) {
    line->SkipBlanks();
    if (line->Take('}')) return true;
    const std::string name(line->TakeName());
    line->SkipBlanks();
    if (name.empty() || !line->Take('=')) return false;
    line->SkipBlanks();
    auto value = line->TakeQuoted();
    if (!value || !labels->emplace(name, *std::move(value)).second) return false;
    line->SkipBlanks();
    more = line->Take(',');
  }
  return line->Take('}');
}

}  // namespace

absl::StatusOr<std::vector<SeriesValue>> ReadExposition(std::string_view text) {
  std::vector<SeriesValue> values;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    Line line(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    line.SkipBlanks();
    if (line.empty() || line.Take('#')) continue;
    SeriesValue one;
    one.name = line.TakeName();
    const bool labelled = !one.name.empty() && ReadLabels(&line, &one.labels);
    line.SkipBlanks();
    const std::string_view value = line.TakeWord();
    if (!labelled || !absl::SimpleAtod(base::ToAbsl(value), &one.value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": expected NAME{LABEL=\"VALUE\",..} NUMBER"));
    }
    values.push_back(std::move(one));
  }
  return values;
}

}  // namespace fulcrum::telemetry

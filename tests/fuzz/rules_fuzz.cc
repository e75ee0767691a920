// A rule's source -> refused with a place in it, or a program: it says what the tree says, its
// printed form is the same rule, and an index by what it requires would not miss it.
//
// The input is the rule, a line "---", and bytes that choose values, one per field and then the
// time.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"
#include "rules/limits.h"
#include "rules/rule.h"
#include "tests/rules/fields.h"
#include "tests/rules/tree_interpreter.h"

namespace {

using namespace fulcrum::rules;  // NOLINT: one file, one purpose

constexpr size_t kInputBytesMax = kSourceBytesMax + 512;

// Deals the bytes out one by one; zeros when there are no more.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  uint32_t Next() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte;
  }

 private:
  std::string_view bytes_;
};

std::string SomeText(uint32_t byte) {
  static constexpr const char* kTexts[] = {"de", "at", "alcohol", "sale", "shoes", "", "phone"};
  return kTexts[byte % std::size(kTexts)];
}

TreeValue SomeValue(Type type, uint32_t byte, absl::Time now) {
  switch (type) {
    case Type::kNumber:
      return static_cast<double>(byte) / 4 - 8;
    case Type::kText:
      return SomeText(byte);
    case Type::kBoolean:
      return byte % 2 == 1;
    case Type::kTexts:
      return std::vector<std::string>{SomeText(byte), SomeText(byte / 7)};
    case Type::kTime:
      return now - absl::Hours(byte) + absl::Hours(8);
  }
  return {};
}

Value ViewOf(const TreeValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return Value::Number(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return Value::Text(*text);
  if (const auto* boolean = std::get_if<bool>(&value)) return Value::Boolean(*boolean);
  if (const auto* time = std::get_if<absl::Time>(&value)) {
    return Value::Time(absl::ToUnixMicros(*time));
  }
  return Value::Texts(std::get<std::vector<std::string>>(value));
}

// Every third value is unknown.
World MakeWorld(Bytes* bytes) {
  World world;
  world.zone = absl::UTCTimeZone();  // its days all begin at midnight, once
  world.now = absl::FromUnixSeconds(1'764'547'200) + absl::Hours(13 * bytes->Next()) +
              absl::Minutes(bytes->Next());
  for (const Field& field : TestSchema().fields()) {
    const uint32_t byte = bytes->Next();
    if (byte % 3 == 2) continue;
    world.fields[field.name] = SomeValue(field.type, byte / 3, world.now);
  }
  return world;
}

std::vector<Value> ViewsOf(const World& world) {
  std::vector<Value> values;
  for (const Field& field : TestSchema().fields()) {
    const auto found = world.fields.find(field.name);
    values.push_back(found == world.fields.end() ? Value() : ViewOf(found->second));
  }
  return values;
}

void CheckError(std::string_view source, const RuleError& error) {
  FULCRUM_CHECK(!error.message.empty() && error.message.size() < 512);
  FULCRUM_CHECK(error.line >= 1 && error.column >= 1);
  FULCRUM_CHECK(static_cast<size_t>(error.line + error.column) <= source.size() + 2);
}

void CheckPrinted(const Rule& rule) {
  const std::string printed = rule.ToString();
  if (printed.size() > kSourceBytesMax) return;
  RuleError error;
  const auto again = Rule::Compile(printed, TestSchema(), rule.zone(), &error);
  FULCRUM_CHECK(again.has_value());
  FULCRUM_CHECK(again->expression() == rule.expression());
  FULCRUM_CHECK(again->ToString() == printed);
  FULCRUM_CHECK(again->cost() == rule.cost() && again->slots() == rule.slots());
}

void CheckRequired(const Rule& rule, const World& world) {
  for (const Field& field : TestSchema().fields()) {
    const auto required = rule.RequiredValues(field.name);
    if (!required) continue;
    const auto found = world.fields.find(field.name);
    FULCRUM_CHECK(found != world.fields.end());
    const TreeValue& value = found->second;
    if (const auto* text = std::get_if<std::string>(&value)) {
      FULCRUM_CHECK(required->contains(*text));
      continue;
    }
    const auto& texts = std::get<std::vector<std::string>>(value);
    FULCRUM_CHECK(std::any_of(texts.begin(), texts.end(),
                              [&](const std::string& text) { return required->contains(text); }));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kInputBytesMax) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t split = input.find("\n---\n");
  const std::string_view source = input.substr(0, split);
  Bytes bytes(split == std::string_view::npos ? "" : input.substr(split + 5));
  RuleError error;
  const auto rule = Rule::Compile(source, TestSchema(), absl::UTCTimeZone(), &error);
  if (!rule) {
    CheckError(source, error);
    return 0;
  }
  FULCRUM_CHECK(rule->cost() <= kCostMax);
  CheckPrinted(*rule);
  const World world = MakeWorld(&bytes);
  const std::vector<Value> values = ViewsOf(world);
  const Moment moment = Moment::At(world.now, world.zone);
  const Truth truth = rule->Evaluate(values, moment);
  FULCRUM_CHECK(truth == TreeInterpreter(world).Say(rule->expression()));
  FULCRUM_CHECK(rule->IsEligible(values, moment) == (truth == Truth::kTrue));
  if (truth == Truth::kTrue) CheckRequired(*rule, world);
  return 0;
}

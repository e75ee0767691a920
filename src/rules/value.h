// What a rule reads and what it says.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace fulcrum::rules {

// A field's type, as the schema declares it.
enum class Type : uint8_t { kNumber, kText, kBoolean, kTexts, kTime };

// Kleene's three values, in his order: `and` is the smaller one, `or` the larger one.
enum class Truth : uint8_t { kFalse = 0, kUnknown = 1, kTrue = 2 };

// One field's value: a view of 24 bytes that owns nothing, so what it was made from must outlive
// its use. Immutable. A value of another type than the schema declares counts as unknown.
class Value {
 public:
  Value() = default;  // unknown

  // A NaN is how missing numbers are stored: unknown.
  static Value Number(double number) {
    Value value(std::isnan(number) ? Kind::kUnknown : Kind::kNumber);
    value.number_ = number;
    return value;
  }
  static Value Text(std::string_view text) {
    Value value(Kind::kText);
    value.text_ = text.data();
    value.size_ = text.size();
    return value;
  }
  static Value Boolean(bool boolean) {
    Value value(Kind::kBoolean);
    value.time_us_ = boolean ? 1 : 0;
    return value;
  }
  // In any order; repeats change nothing. More than kFieldSetSizeMax members: unknown.
  static Value Texts(absl::Span<const std::string> texts) {
    Value value(Kind::kTexts);
    value.texts_ = texts.data();
    value.size_ = texts.size();
    return value;
  }
  // Microseconds since 1970-01-01 00:00 UTC.
  static Value Time(int64_t time_us) {
    Value value(Kind::kTime);
    value.time_us_ = time_us;
    return value;
  }

  bool IsNumber() const { return kind_ == Kind::kNumber; }
  bool IsText() const { return kind_ == Kind::kText; }
  bool IsBoolean() const { return kind_ == Kind::kBoolean; }
  bool IsTexts() const { return kind_ == Kind::kTexts; }
  bool IsTime() const { return kind_ == Kind::kTime; }

  // Each only if the value is of that type.
  double number() const { return number_; }
  std::string_view text() const { return {text_, size_}; }
  bool boolean() const { return time_us_ != 0; }
  absl::Span<const std::string> texts() const { return {texts_, size_}; }
  int64_t time_us() const { return time_us_; }

 private:
  enum class Kind : uint8_t { kUnknown, kNumber, kText, kBoolean, kTexts, kTime };

  explicit Value(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::kUnknown;
  size_t size_ = 0;
  union {
    int64_t time_us_ = 0;  // also a boolean's 0 or 1
    double number_;
    const char* text_;
    const std::string* texts_;
  };
};

}  // namespace fulcrum::rules

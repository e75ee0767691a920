// Matchers for absl::Status: the packaged Abseil has none.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fulcrum::testing {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

// The code, and a matcher for the message.
MATCHER_P2(StatusIs, code, message, "") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code &&
         ::testing::ExplainMatchResult(message, std::string(StatusOf(arg).message()),
                                       result_listener);
}

}  // namespace fulcrum::testing

#define FULCRUM_ASSERT_OK(expression) ASSERT_THAT(expression, ::fulcrum::testing::IsOk())
#define FULCRUM_EXPECT_OK(expression) EXPECT_THAT(expression, ::fulcrum::testing::IsOk())

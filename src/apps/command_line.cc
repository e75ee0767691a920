#include "apps/command_line.h"

#include <cstdio>
#include <string>

namespace fulcrum::apps {

int Fail(const char* program, const absl::Status& status) {
  const std::string message(status.message());
  std::fprintf(stderr, "%s: %s\n", program, message.c_str());
  return kExitFailure;
}

int Answered(const char* program, const absl::StatusOr<int>& answer) {
  return answer.ok() ? *answer : Fail(program, answer.status());
}

}  // namespace fulcrum::apps

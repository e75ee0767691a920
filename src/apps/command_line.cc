#include "apps/command_line.h"

#include <cstdio>
#include <string>

namespace fulcrum::apps {

int Fail(const char* program, const absl::Status& status) {
  const std::string message(status.message());
  std::fprintf(stderr, "%s: %s\n", program, message.c_str());
  return kExitFailure;
}

}  // namespace fulcrum::apps

// Broken invariants stop the process: stopping beats being wrong. Never for data from outside.
#pragma once

namespace fulcrum::base {

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

}  // namespace fulcrum::base

#define FULCRUM_CHECK(condition) \
  ((condition) ? void() : ::fulcrum::base::CheckFailed(__FILE__, __LINE__, #condition))

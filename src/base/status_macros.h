// Propagation of absl::Status without ceremony.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function if `expression` (an absl::Status) is not OK.
#define FULCRUM_RETURN_IF_ERROR(expression)                                   \
  do {                                                                        \
    if (absl::Status fulcrum_status_ = (expression); !fulcrum_status_.ok()) { \
      return fulcrum_status_;                                                 \
    }                                                                         \
  } while (false)

#define FULCRUM_CONCAT_INNER_(a, b) a##b
#define FULCRUM_CONCAT_(a, b) FULCRUM_CONCAT_INNER_(a, b)

// Assigns the value of `expression` (an absl::StatusOr) to `target`, or returns its status.
#define FULCRUM_ASSIGN_OR_RETURN(target, expression) \
  FULCRUM_ASSIGN_OR_RETURN_(FULCRUM_CONCAT_(fulcrum_or_, __LINE__), target, expression)
#define FULCRUM_ASSIGN_OR_RETURN_(temporary, target, expression) \
  auto temporary = (expression);                                 \
  if (!temporary.ok()) return temporary.status();                \
  target = std::move(*temporary)

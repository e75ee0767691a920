// What bounds a rule. Every refusal names the limit by the words in brackets; docs/eligibility.md
// tells them to the people who write rules.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fulcrum::rules {

inline constexpr size_t kSourceBytesMax = 4096;  // [source_bytes_max] of one rule
inline constexpr int kDepthMax = 32;             // [depth_max] of parentheses and `not`s
inline constexpr int kNodesMax = 256;            // [nodes_max] fields, literals, operators
inline constexpr size_t kSetSizeMax = 256;       // [set_size_max] members of one literal set
inline constexpr size_t kFieldsMax = 4096;       // [fields_max] of a schema; slots are 16 bits

// Members of a set that a field holds. Not known when a rule is loaded, so a larger set is not
// refused but unknown: reading only a part of it could be wrong, an unknown never shows too much.
inline constexpr size_t kFieldSetSizeMax = 64;

// [cost_max] comparisons of two values that one evaluation may need at most. Between two sets
// that fields hold, 64 * 64 of them: this allows for one such pair and as much again of the rest.
inline constexpr uint32_t kCostMax = 8192;

inline constexpr int64_t kAgoDaysMax = 3660;  // [ago_days_max] in ago(".."), ten years

}  // namespace fulcrum::rules

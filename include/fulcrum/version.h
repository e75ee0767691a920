// Which build this is.
#pragma once

namespace fulcrum {

inline constexpr char kVersion[] = "0.1.0";

// Version of the bytes in the decision log's files; readers accept this and older ones.
inline constexpr int kLogFormatVersion = 2;

}  // namespace fulcrum

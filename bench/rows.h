// Rows of build/bench/summary.json: what `make bench` promises and measures. Not thread-safe.
//
// A bench reports each figure once, after its measurement; scripts/bench.sh merges the rows of all
// benches, fails if a gated row does not hold or a row of bench/rows.txt is absent. Times differ
// from machine to machine, so only ratios taken in one run (bench/interleave.h) are gated.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace fulcrum::bench {

enum class Aim { kAtMost, kAtLeast };
enum class Gate { kGated, kReported };  // reported: an absolute figure, never fails the run

struct Row {
  std::string name{};  // as the issues name it, such as "select_k10_us"
  double value = 0;    // the measured figure
  std::string unit{};  // "us", "ratio", "1/s"
  double aim = 0;      // the figure to reach
  Aim direction = Aim::kAtMost;
  Gate gate = Gate::kReported;
  std::string
      against{};  // what it was compared with, and how: "bare gRPC echo, 20 pairs of windows"
};

inline bool Holds(const Row& row) {
  if (!std::isfinite(row.value)) return false;
  return row.direction == Aim::kAtMost ? row.value <= row.aim : row.value >= row.aim;
}

namespace internal {

inline std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return quoted + "\"";
}

inline std::string Number(double value) {
  if (!std::isfinite(value)) return "null";
  char text[32];
  std::snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

}  // namespace internal

inline std::string ToJson(const Row& row) {
  using internal::Number;
  using internal::Quoted;
  return "{\"name\": " + Quoted(row.name) + ", \"value\": " + Number(row.value) +
         ", \"unit\": " + Quoted(row.unit) + ", \"aim\": " + Number(row.aim) +
         ", \"direction\": " + (row.direction == Aim::kAtMost ? "\"at most\"" : "\"at least\"") +
         ", \"gated\": " + (row.gate == Gate::kGated ? "true" : "false") +
         ", \"holds\": " + (Holds(row) ? "true" : "false") +
         ", \"against\": " + Quoted(row.against) + "}";
}

// Appends the row as one line of JSON to the file named by FULCRUM_BENCH_ROWS, or prints it to
// standard output when a bench is run by hand. Stops the process if the file cannot be written: a
// row that is lost in silence would look like one that was never measured.
inline void ReportRow(const Row& row) {
  const std::string line = ToJson(row) + "\n";
  const char* path = std::getenv("FULCRUM_BENCH_ROWS");
  if (path == nullptr || *path == '\0') {
    std::fputs(line.c_str(), stdout);
    return;
  }
  std::FILE* file = std::fopen(path, "a");
  const bool written = file != nullptr && std::fputs(line.c_str(), file) >= 0;
  if (file == nullptr || std::fclose(file) != 0 || !written) {
    std::fprintf(stderr, "cannot write the row %s to %s\n", row.name.c_str(), path);
    std::abort();
  }
}

}  // namespace fulcrum::bench

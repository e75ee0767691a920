// Comparing two things on a machine that is never quiet: windows of A and B by turns, and the
// median of the ratios of neighbours. What disturbs the machine disturbs both sides of a pair.
// Not thread-safe; the callables may use threads of their own.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

namespace fulcrum::bench {

// Fewer pairs than this are not evidence.
inline constexpr int kPairsMin = 10;

// Median of `values`, which must not be empty; the mean of the middle two if their number is even.
inline double Median(std::vector<double> values) {
  if (values.empty()) std::abort();
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// Runs window_a() and window_b() by turns: one warm-up of each that does not count, then `pairs`
// pairs. Each call measures for one window and returns what it found, such as a struct of
// percentiles.
template <typename WindowA, typename WindowB>
auto Interleave(int pairs, WindowA&& window_a, WindowB&& window_b) {
  using Figure = decltype(window_a());
  if (pairs < kPairsMin) std::abort();
  std::vector<std::pair<Figure, Figure>> figures;
  static_cast<void>(window_a());
  static_cast<void>(window_b());
  for (int i = 0; i < pairs; ++i) {
    Figure a = window_a();
    Figure b = window_b();
    figures.emplace_back(std::move(a), std::move(b));
  }
  return figures;
}

// The median over pairs of project(a) / project(b).
template <typename Figure, typename Project>
double MedianRatio(const std::vector<std::pair<Figure, Figure>>& figures, Project&& project) {
  std::vector<double> ratios;
  ratios.reserve(figures.size());
  for (const auto& [a, b] : figures) ratios.push_back(project(a) / project(b));
  return Median(std::move(ratios));
}

// Calls operation() for at least `window` and returns nanoseconds per call. The clock is read once
// per `batch` calls, so choose it such that a batch takes some microseconds.
template <typename Operation>
double NanosecondsPerCall(Operation&& operation, std::chrono::nanoseconds window, int batch = 16) {
  const auto start = std::chrono::steady_clock::now();
  int64_t calls = 0;
  std::chrono::nanoseconds elapsed{0};
  do {
    for (int i = 0; i < batch; ++i) operation();
    calls += batch;
    elapsed = std::chrono::steady_clock::now() - start;
  } while (elapsed < window);
  return static_cast<double>(elapsed.count()) / static_cast<double>(calls);
}

// What most benches need: how long A takes as a multiple of B, and both in nanoseconds per call.
struct TimeRatio {
  double ratio = 0;  // median over pairs of time(A) / time(B); under 1: A is faster
  double a_ns = 0;   // medians, for the reader; they are not comparable between machines
  double b_ns = 0;
};

template <typename OperationA, typename OperationB>
TimeRatio CompareTimes(OperationA&& a, OperationB&& b, int pairs = 20,
                       std::chrono::nanoseconds window = std::chrono::milliseconds(50),
                       int batch = 16) {
  const auto figures = Interleave(
      pairs, [&] { return NanosecondsPerCall(a, window, batch); },
      [&] { return NanosecondsPerCall(b, window, batch); });
  TimeRatio result;
  result.ratio = MedianRatio(figures, [](double ns) { return ns; });
  std::vector<double> a_ns;
  std::vector<double> b_ns;
  for (const auto& [a_figure, b_figure] : figures) {
    a_ns.push_back(a_figure);
    b_ns.push_back(b_figure);
  }
  result.a_ns = Median(std::move(a_ns));
  result.b_ns = Median(std::move(b_ns));
  return result;
}

}  // namespace fulcrum::bench

#include "simulation/chart.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace fulcrum::simulation {
namespace {

constexpr double kWidth = 760, kHeight = 440;
constexpr double kLeft = 70, kRightLeast = 130, kTop = 40, kBottom = 55;
constexpr double kLetter = 6.5;  // its mean width in a label
// Okabe and Ito's, told apart by everyone; beyond them series are drawn with dashes.
constexpr const char* kColours[] = {"#0072b2", "#666666", "#d55e00", "#009e73",
                                    "#cc79a7", "#e69f00", "#56b4e9", "#000000"};
constexpr size_t kColoursCount = std::size(kColours);
constexpr double kLabelGap = 14;

// The smallest of 1, 2, 5 times a power of ten that cuts `most` into at most six.
double Step(double most) {
  double step = 1;
  while (step * 6 < most) step *= 10;
  while (step > 1 && step / 10 * 6 >= most) step /= 10;
  for (const double factor : {0.2, 0.5}) {
    if (step * factor * 6 >= most) return step * factor;
  }
  return step;
}

struct Scale {
  double x_most = 1, y_most = 1;
  double right = kWidth - kRightLeast;  // where the frame ends and the labels begin

  double X(double x) const { return kLeft + x / x_most * (right - kLeft); }
  double Y(double y) const { return kHeight - kBottom - y / y_most * (kHeight - kTop - kBottom); }
};

Scale ScaleOf(const Chart& chart) {
  Scale scale;
  for (const Series& series : chart.series) {
    scale.right = std::min(scale.right,
                           kWidth - kLabelGap - kLetter * static_cast<double>(series.name.size()));
    for (const double x : series.x) scale.x_most = std::max(scale.x_most, x);
    for (const double y : series.high) scale.y_most = std::max(scale.y_most, y);
    for (const double y : series.y) scale.y_most = std::max(scale.y_most, y);
  }
  scale.y_most *= 1.05;
  return scale;
}

std::string Text(double x, double y, const char* anchor, const std::string& words,
                 const std::string& more = "") {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y,
                         anchor, more, words);
}

std::string Axes(const Chart& chart, const Scale& scale) {
  std::string text;
  for (double y = 0, step = Step(scale.y_most); y <= scale.y_most; y += step) {
    absl::StrAppendFormat(
        &text, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", kLeft,
        scale.Y(y), scale.right, scale.Y(y));
    text += Text(kLeft - 8, scale.Y(y) + 4, "end", absl::StrFormat("%g", y));
  }
  for (double x = 0, step = Step(scale.x_most); x <= scale.x_most; x += step) {
    text += Text(scale.X(x), kHeight - kBottom + 18, "middle", absl::StrFormat("%.0f", x));
  }
  text += Text(kLeft, kTop - 16, "start", chart.title, " font-size=\"15\"");
  text += Text((kLeft + scale.right) / 2, kHeight - 12, "middle", chart.x_label);
  const double middle = (kTop + kHeight - kBottom) / 2;
  text += Text(16, middle, "middle", chart.y_label,
               absl::StrFormat(" transform=\"rotate(-90 16 %.1f)\"", middle));
  return text;
}

std::string Points(const std::vector<double>& x, const std::vector<double>& y, const Scale& scale,
                   bool backwards) {
  std::string text;
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t at = backwards ? x.size() - 1 - i : i;
    absl::StrAppendFormat(&text, "%.1f,%.1f ", scale.X(x[at]), scale.Y(y[at]));
  }
  return text;
}

std::string Curve(const Series& series, const Scale& scale, size_t index) {
  const char* const colour = kColours[index % kColoursCount];
  std::string text;
  if (!series.low.empty()) {
    absl::StrAppend(&text, "<polygon points=\"", Points(series.x, series.low, scale, false),
                    Points(series.x, series.high, scale, true), "\" fill=\"", colour,
                    "\" fill-opacity=\"0.15\"/>\n");
  }
  absl::StrAppend(&text, "<polyline points=\"", Points(series.x, series.y, scale, false),
                  "\" fill=\"none\" stroke=\"", colour, "\" stroke-width=\"2\"",
                  index < kColoursCount ? "" : " stroke-dasharray=\"6 4\"", "/>\n");
  return text;
}

// The names at the lines' ends, from the lowest line up, moved apart where they would touch.
std::string Labels(const Chart& chart, const Scale& scale) {
  std::vector<size_t> order(chart.series.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&chart](size_t a, size_t b) {
    return chart.series[a].y.back() < chart.series[b].y.back();
  });
  std::string text;
  double lowest = kHeight;
  for (const size_t i : order) {
    const Series& series = chart.series[i];
    lowest = std::min(scale.Y(series.y.back()) + 4, lowest - kLabelGap);
    text += Text(scale.right + 8, lowest, "start", series.name,
                 absl::StrCat(" fill=\"", kColours[i % kColoursCount], "\""));
  }
  return text;
}

}  // namespace

std::string ToSvg(const Chart& chart) {
  const Scale scale = ScaleOf(chart);
  std::string text = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" "
      "fill=\"white\"/>\n",
      kWidth, kHeight);
  text += Axes(chart, scale);
  for (size_t i = 0; i < chart.series.size(); ++i) {
    text += Curve(chart.series[i], scale, i);
  }
  return text + Labels(chart, scale) + "</svg>\n";
}

}  // namespace fulcrum::simulation

// A line chart with bands, as SVG: enough for the plots in docs/images. Same input, same bytes.
#pragma once

#include <string>
#include <vector>

namespace fulcrum::simulation {

// All vectors have one entry per point; x ascends.
struct Series {
  std::string name;
  std::vector<double> x, y, low, high;
};

// Both axes start at 0. Up to four series, told apart by colour and by the label at their end.
struct Chart {
  std::string title, x_label, y_label;
  std::vector<Series> series;
};

std::string ToSvg(const Chart& chart);

}  // namespace fulcrum::simulation

// A line chart with bands, as SVG: enough for the plots in docs/images. Same input, same bytes.
#pragma once

#include <string>
#include <vector>

namespace fulcrum::simulation {

// All vectors have one entry per point, x ascends; without a band `low` and `high` are empty.
struct Series {
  std::string name;
  std::vector<double> x, y, low, high;
};

// Both axes start at 0. Up to 16 series, told apart by colour, dashes and the label at their end.
struct Chart {
  std::string title, x_label, y_label;
  std::vector<Series> series;
};

std::string ToSvg(const Chart& chart);

}  // namespace fulcrum::simulation

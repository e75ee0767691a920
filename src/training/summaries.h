// What the columns of a data set look like: the reference that a manifest keeps.
#pragma once

#include <vector>

#include "config/manifest.h"
#include "training/data_set.h"

namespace fulcrum::training {

// One summary per column over all rows of `data`, each counted once and taken as the model sees it,
// in float32. Quantiles are linear between neighbours (Hyndman & Fan 1996, definition 7).
std::vector<config::ColumnSummary> Summarise(const DataSet& data);

}  // namespace fulcrum::training

// In place of parquet_sink_arrow.cc in builds without FULCRUM_WITH_ARROW.
#include "exchange/row_sink.h"

namespace fulcrum::exchange {

absl::StatusOr<std::unique_ptr<RowSink>> NewParquetSink(absl::Span<const Column>) {
  return absl::UnimplementedError(
      "this build cannot write Parquet: configure with -DFULCRUM_WITH_ARROW=ON (Apache Arrow C++ "
      "with Parquet; docs/building.md), or export CSV");
}

}  // namespace fulcrum::exchange

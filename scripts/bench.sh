#!/bin/bash
# Builds and runs all benches of the release build and writes build/bench/summary.json:
# {"rows": [{name, value, unit, aim, holds, against, ..}]}. Exit 1 if a gated row does not hold or a
# row of bench/rows.txt is absent. Usage: scripts/bench.sh [name..], by default all.
set -euo pipefail
cd "$(dirname "$0")/.."

build=build/release
out=build/bench
cmake --build --preset release --target benches
rm -rf "$out"
mkdir -p "$out"

failed=0
while read -r bench; do
  [ -n "$bench" ] || continue
  if [ $# -gt 0 ] && [[ " $* " != *" $bench "* && " $* " != *" ${bench%_bench} "* ]]; then continue; fi
  echo "== $bench"
  # The rows go through the environment; Google Benchmark reads its flags from there as well.
  if ! FULCRUM_BENCH_ROWS=$PWD/$out/$bench.rows BENCHMARK_OUT=$PWD/$out/$bench.json \
    BENCHMARK_OUT_FORMAT=json "$build/bin/$bench"; then
    echo "$bench failed" >&2
    failed=1
  fi
done < "$build/benches.txt"

expected=bench/rows.txt
[ $# -eq 0 ] || expected=/dev/null
python3 scripts/bench_summary.py "$expected" "$out" || failed=1
exit $failed

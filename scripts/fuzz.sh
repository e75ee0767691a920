#!/bin/bash
# Fuzzes every target of tests/fuzz for SECONDS each (default 60) from its kept inputs.
# Usage: scripts/fuzz.sh [SECONDS] [name..]. New inputs go to build/fuzz-corpus/<name>, so that a
# later run goes on from there; a finding is written to build/fuzz-findings/ and fails the run. Keep
# it: copy it to tests/fuzz/corpus/<name>/.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true
cmake --preset fuzz > /dev/null
targets=("${@/%/_fuzz}")
[ $# -gt 0 ] || targets=(fuzzers)
cmake --build --preset fuzz --target "${targets[@]}"
mkdir -p build/fuzz-findings

# A fuzzer that cannot find the planted crash proves nothing by finding none.
if [ $# -eq 0 ] && build/fuzz/bin/canary_fuzz -max_total_time=60 -seed=1 \
  -artifact_prefix=build/fuzz-findings/planted- > build/fuzz-findings/canary.log 2>&1; then
  echo "fuzz: the canary's planted crash was not found" >&2
  exit 1
fi

failed=0
ran=0
while read -r name; do
  [ -n "$name" ] || continue
  if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
  echo "== fuzz $name, $seconds s"
  mkdir -p "build/fuzz-corpus/$name" "tests/fuzz/corpus/$name"
  log=build/fuzz-findings/$name.log
  if "build/fuzz/bin/${name}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="build/fuzz-findings/$name-" \
    "build/fuzz-corpus/$name" "tests/fuzz/corpus/$name" > "$log" 2>&1; then
    grep -E 'number_of_executed_units|peak_rss_mb' "$log"
  else
    tail -40 "$log"
    failed=1
  fi
  ran=$((ran + 1))
done < build/fuzz/fuzzers.txt
if [ "$ran" -eq 0 ]; then
  echo "fuzz: no target of that name in tests/fuzz" >&2
  exit 2
fi
exit $failed

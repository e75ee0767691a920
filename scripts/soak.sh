#!/bin/bash
# What takes longer than CI allows. Usage: scripts/soak.sh [PART | list]; without a part all that are
# due. Parts and their commands: scripts/soak_parts.txt. State is kept in build/soak, so an
# interrupted run goes on with the parts that are left; results of a day are merged into
# docs/reports/<date>.md. Exit 1 if a part that ran failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

minutes_max=60
state=$PWD/build/soak
mkdir -p "$state"

# --- what the commands of soak_parts.txt may call ---

# shellcheck disable=SC2317
gtest() {
  local log
  log=$(mktemp)
  "build/release/bin/$1" --gtest_filter="$2" 2>&1 | tee "$log"
  local code=${PIPESTATUS[0]}
  if grep -q '^\[==========\] Running 0 tests' "$log"; then
    echo "no test of $1 matches $2" >&2
    code=2
  fi
  rm -f "$log"
  return "$code"
}

# Four runs of the service, 2,500 power losses in each, at the same time: a state waits longer than it
# computes. Their figures are added up; of times the longest counts.
# shellcheck disable=SC2317
power_states() {
  local seed failed=0 runs=()
  for seed in 1 2 3 4; do
    FULCRUM_POWER_SEED=$seed FULCRUM_POWER_STATES=2500 \
      gtest end_to_end_fault_tests 'PowerLoss.Loses*' > "$FULCRUM_SOAK_STATE/$seed.txt" 2>&1 &
    runs+=($!)
  done
  for seed in 1 2 3 4; do
    wait "${runs[seed - 1]}" || failed=1
    grep -E 'FAILED|Failure' -A 8 "$FULCRUM_SOAK_STATE/$seed.txt"
  done
  cat "$FULCRUM_SOAK_STATE"/[1-4].txt | awk -F ' = ' '
    !/^figure: / { next }
    !($1 in value) { order[++count] = $1 }
    / ms$/ { if ($2 + 0 > value[$1]) value[$1] = $2 + 0; unit[$1] = " ms"; next }
    { value[$1] += $2 }
    END { for (i = 1; i <= count; ++i) print order[i] " = " value[order[i]] unit[order[i]] }'
  return "$failed"
}

# shellcheck disable=SC2317
sanitizers_full() {
  scripts/setup.sh base xgboost tools && cmake --preset sanitizers-full > /dev/null &&
    cmake --build --preset sanitizers-full && ctest --preset sanitizers-full
}

# The regret of all policies in all worlds beside that of the peers in tests/golden/regret, with the
# plots of docs/simulation.md. Fails if Thompson sampling loses more than the peer's own, with the same
# priors, by over four standard errors.
# shellcheck disable=SC2317
regret_study() {
  local golden world study work=$FULCRUM_SOAK_STATE/work
  for golden in tests/golden/regret/*.json; do
    world=$(basename "$golden" .json)
    study=$FULCRUM_SOAK_STATE/$world.json
    build/release/bin/fulcrum simulate --world "$world" --decisions 5000 --regret 50 --json \
      --work "$work" > "$study" &&
      python3 scripts/soak_regret.py build/release/bin/fulcrum "$study" "$golden" \
        "docs/images/regret-$world.svg" || return 1
  done
}

# 200,000 decisions of a world over gRPC; the log holds, repeats bit for bit, and can be evaluated.
# shellcheck disable=SC2317
simulated_log() {
  local work=$FULCRUM_SOAK_STATE/work
  local log=$work/config/data/log
  build/release/bin/fulcrum simulate --world stationary --decisions 200000 --work "$work" &&
    build/release/bin/fulcrum log verify "$log" &&
    build/release/bin/fulcrum replay --verify "$log" --json > "$FULCRUM_SOAK_STATE/replay.json" &&
    build/release/bin/fulcrum evaluate "$log" --target uniform || return 1
  python3 - "$FULCRUM_SOAK_STATE/replay.json" << 'FIGURES'
import json, sys
replay = json.load(open(sys.argv[1]))
for name in ("decisions", "selection_identical", "full_identical", "different"):
    print(f"figure: {name} = {replay[name]}")
sys.exit(replay["different"] != 0)
FIGURES
}
export -f gtest power_states sanitizers_full regret_study simulated_log

# --- parts ---

# Prints "name|days|command" per part.
parts() {
  grep -v '^#' scripts/soak_parts.txt | grep '|' | sed -E 's/ *\| */|/; s/ *\| */|/'
  for source in tests/fuzz/*_fuzz.cc; do
    [ -e "$source" ] || continue
    local name
    name=$(basename "$source" _fuzz.cc)
    [ "$name" != canary ] || continue  # its crash is planted
    echo "fuzz-$name|7|scripts/setup.sh base xgboost tools && scripts/fuzz.sh --deep 900 $name"
  done
}

# Whether the part's last good run is older than its days.
due() {
  local done_file=$state/$1.passed
  [ -e "$done_file" ] || return 0
  local age=$(($(date +%s) - $(cat "$done_file")))
  [ "$age" -ge $(($2 * 86400)) ]
}

run_part() {
  local name=$1 command=$2
  echo "== soak $name (at most $minutes_max minutes)"
  local log=$state/$name.log started code result
  mkdir -p "$state/$name"
  rm -f "$state/$name.passed"
  started=$(date +%s)
  FULCRUM_SOAK_STATE=$state/$name timeout --kill-after=30 $((minutes_max * 60)) \
    bash -c "$command" > "$log" 2>&1
  code=$?
  case $code in
    0) result=passed && date +%s > "$state/$name.passed" ;;
    124 | 137) result="stopped after $minutes_max minutes" ;;
    *) result="failed ($code)" ;;
  esac
  {
    echo "date=$(date -u +%F)"
    echo "commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
    echo "result=$result"
    echo "seconds=$(($(date +%s) - started))"
    sed -n 's/^figure: /figure=/p' "$log"
  } > "$state/$name.result"
  [ $code -eq 0 ] || tail -20 "$log" >&2
  echo "$name: $result"
  return $code
}

wanted=${1:-}
if [ "$wanted" = list ]; then
  parts | while IFS='|' read -r name days _; do
    if due "$name" "$days"; then echo "$name (due)"; else echo "$name"; fi
  done
  exit 0
fi

failed=0
ran=0
while IFS='|' read -r -u 3 name days command; do
  if [ -n "$wanted" ]; then
    [ "$wanted" = "$name" ] || continue
  elif ! due "$name" "$days"; then
    echo "$name: not due"
    continue
  fi
  ran=$((ran + 1))
  run_part "$name" "$command" || failed=1
  python3 scripts/soak_report.py "$state" docs/reports
done 3< <(parts)
if [ -n "$wanted" ] && [ "$ran" -eq 0 ]; then
  echo "soak: no part '$wanted'; there are: $(parts | cut -d'|' -f1 | tr '\n' ' ')" >&2
  exit 2
fi
exit $failed

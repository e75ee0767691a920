#!/bin/bash
# Fuzzes the targets of tests/fuzz for SECONDS each (default 60) from their kept inputs.
# Usage: scripts/fuzz.sh [--deep] [SECONDS] [name..].
#
# Without --deep, as many targets at a time as there are cores, one process each. With --deep, one
# target after the other on all cores; what its new inputs add to coverage is then kept in
# tests/fuzz/corpus/<name>, smallest first and at most so much that ctest replays it at once.
#
# New inputs go to build/fuzz-corpus/<name>, so that a later run goes on from there; a finding is
# written to build/fuzz-findings/ and fails the run. Keep it: copy it to tests/fuzz/corpus/<name>/.
set -euo pipefail
cd "$(dirname "$0")/.."

keep_files_max=300
keep_input_bytes_max=4096
keep_bytes_max=$((256 * 1024))

deep=false
if [ "${1:-}" = --deep ]; then
  deep=true
  shift
fi
seconds=${1:-60}
shift || true
cores=$(nproc)
findings=build/fuzz-findings
cmake --preset fuzz > /dev/null
targets=("${@/%/_fuzz}")
[ $# -gt 0 ] || targets=(fuzzers)
cmake --build --preset fuzz --target "${targets[@]}"
mkdir -p "$findings"

# A fuzzer that cannot find the planted crash proves nothing by finding none.
if [ $# -eq 0 ] && build/fuzz/bin/canary_fuzz -max_total_time=60 -seed=1 \
  -artifact_prefix="$findings/planted-" > "$findings/canary.log" 2>&1; then
  echo "fuzz: the canary's planted crash was not found" >&2
  exit 1
fi

names=()
while read -r name; do
  [ -n "$name" ] || continue
  if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
  names+=("$name")
done < build/fuzz/fuzzers.txt
if [ ${#names[@]} -eq 0 ]; then
  echo "fuzz: no target of that name in tests/fuzz" >&2
  exit 2
fi

# One process of target $1, told apart from its others by $2.
fuzz() {
  "build/fuzz/bin/${1}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$findings/$1-" \
    "build/fuzz-corpus/$1" "tests/fuzz/corpus/$1" > "$findings/$1.$2.log" 2>&1
}

# Waits for a process of target $1 and tells what it did: its id is $3, its log that of $2. A
# process that says nothing of executions has not fuzzed, whatever its exit code is.
finish() {
  local code=0 log=$findings/$1.$2.log executed
  wait "$3" || code=$?
  executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  if [ $code -ne 0 ] || [ -z "$executed" ]; then
    echo "== fuzz $1: failed ($code)"
    tail -40 "$log"
    failed=1
    return 0
  fi
  echo "== fuzz $1, $seconds s: $executed executions," \
    "$(sed -n 's/^stat::peak_rss_mb: *//p' "$log") MB"
  executions=$((executions + executed))
}

# Inputs that the kept ones of target $1 do not make needless.
keep() {
  local name=$1 merged files bytes size input
  local kept=tests/fuzz/corpus/$name
  merged=$(mktemp -d)
  cp "$kept"/* "$merged"/ 2> /dev/null || true
  "build/fuzz/bin/${name}_fuzz" -merge=1 -timeout=10 -rss_limit_mb=2048 \
    -max_len="$keep_input_bytes_max" "$merged" "build/fuzz-corpus/$name" \
    > "$findings/$name.merge.log" 2>&1 || { tail -20 "$findings/$name.merge.log"; return 1; }
  files=$(find "$kept" -type f | wc -l)
  bytes=$(find "$kept" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }')
  while read -r size input; do
    [ ! -e "$kept/$(basename "$input")" ] || continue
    if [ "$files" -ge "$keep_files_max" ] || [ $((bytes + size)) -gt "$keep_bytes_max" ]; then
      break
    fi
    cp "$input" "$kept/"
    files=$((files + 1))
    bytes=$((bytes + size))
  done < <(find "$merged" -type f -printf '%s %p\n' | sort -n)
  rm -rf "$merged"
  echo "figure: kept inputs = $files"
}

failed=0
executions=0
at_once=$cores
if $deep; then at_once=1; fi
for ((first = 0; first < ${#names[@]}; first += at_once)); do
  batch=("${names[@]:first:at_once}")
  copies=1
  if $deep; then copies=$cores; fi
  running=()
  for name in "${batch[@]}"; do
    mkdir -p "build/fuzz-corpus/$name" "tests/fuzz/corpus/$name"
    for ((copy = 1; copy <= copies; ++copy)); do
      fuzz "$name" "$copy" &
      running+=("$name $copy $!")
    done
  done
  for one in "${running[@]}"; do
    # shellcheck disable=SC2086
    finish $one
  done
  if $deep && [ $failed -eq 0 ]; then keep "${batch[0]}" || failed=1; fi
done
echo "figure: executions = $executions"
exit $failed

#!/bin/bash
# All static checks: format, protos, shell scripts, and clang-tidy on everything.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
failed=()
step() {
  local name=$1
  shift
  echo "== $name"
  "$@" || failed+=("$name")
}
step format scripts/format.sh --check
step proto scripts/lint_proto.sh
step shell shellcheck .ci/run scripts/*.sh
step tidy scripts/tidy.sh
if [ ${#failed[@]} -gt 0 ]; then
  echo "lint: failed: ${failed[*]}" >&2
  exit 1
fi

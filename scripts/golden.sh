#!/bin/bash
# Runs every tests/golden/*/make.sh: each makes the golden files beside it again with the library
# they come from (models and predictions of other implementations) and states its versions.
set -euo pipefail
cd "$(dirname "$0")/.."
shopt -s nullglob
for script in tests/golden/*/make.sh; do
  echo "== $script"
  bash "$script"
done

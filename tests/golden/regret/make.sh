#!/bin/bash
# Plays the peers' policies on the worlds again, with the versions that versions.txt names: about an
# hour of one core. Needs `make build`.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=tests/golden/regret
work=$PWD/build/golden/regret
packages=$(awk '{ print $1 "==" $2 }' "$here/versions.txt")
python3 -m venv "$work/environment"
# shellcheck disable=SC2086
"$work/environment/bin/python" -m pip install --quiet $packages
"$work/environment/bin/python" "$here/make_golden.py" build/release/bin/fulcrum "$work/runs"

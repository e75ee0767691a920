#!/bin/bash
# Trains the golden models again, with the versions that versions.txt names.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=$here/../../../build/golden/xgboost
wanted() { awk -v package="$1" '$1 == package { print $2 }' "$here/versions.txt"; }
python3 -m venv "$environment"
"$environment/bin/python" -m pip install --quiet \
  "xgboost==$(wanted xgboost)" "numpy==$(wanted numpy)" scipy
"$environment/bin/python" "$here/make_golden.py"

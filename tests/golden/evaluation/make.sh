#!/bin/bash
# Makes the log and its figures again, with the version of numpy that versions.txt names.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=$here/../../../build/golden/evaluation
python3 -m venv "$environment"
"$environment/bin/python" -m pip install --quiet \
  "numpy==$(awk '$1 == "numpy" { print $2 }' "$here/versions.txt")"
"$environment/bin/python" "$here/make_golden.py"

#!/bin/bash
# Builds `fulcrum` with Apache Arrow C++ from the wheel pyarrow, exports logs as Parquet and CSV, and
# compares what DuckDB and pandas read from the one with the other. Keeps no file.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=tests/golden/parquet
work=$PWD/build/golden/parquet
python=$work/environment/bin/python
packages=$(awk '{ print $1 "==" $2 }' "$here/versions.txt")
python3 -m venv "$work/environment"
# shellcheck disable=SC2086
"$python" -m pip install --quiet $packages
# The wheel's libraries have the names that a linker looks for only after this.
"$python" -c 'import pyarrow; pyarrow.create_library_symlinks()'
arrow=$("$python" -c 'import pathlib, pyarrow; print(pathlib.Path(pyarrow.__file__).parent)')
cmake --preset arrow -DFULCRUM_ARROW_ROOT="$arrow" > "$work/configure.log"
cmake --build --preset arrow --target fulcrum_binary fulcrumd_binary exchange_unit_tests
build/arrow/bin/exchange_unit_tests --gtest_filter='TableExport.Parquet*'
"$python" "$here/check_golden.py" build/arrow/bin/fulcrum "$work"

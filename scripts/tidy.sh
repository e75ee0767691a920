#!/bin/bash
# clang-tidy over first-party translation units by the tidy preset's compile commands.
#   scripts/tidy.sh              all of them
#   scripts/tidy.sh --changed    those changed since the baseline commit (.ci/tidy-baseline), those
#                                that include a changed header (at most 40 of these), and a
#                                sixteenth of the others, which one goes by the number of commits:
#                                sixteen commits cover everything
#   scripts/tidy.sh FILE..       these
set -euo pipefail
cd "$(dirname "$0")/.."

cmake --preset tidy > /dev/null
# Generated headers must exist; nothing else is built.
cmake --build --preset tidy --target \
  fulcrum_proto_v1 fulcrum_proto_log_v1 fulcrum_proto_config_v1 > /dev/null
python3 scripts/tidy_files.py build/tidy/compile_commands.json "$@" > build/tidy/files.txt
count=$(wc -l < build/tidy/files.txt)
echo "clang-tidy on $count files"
[ "$count" -gt 0 ] || exit 0
xargs -P "$(nproc)" -n 1 clang-tidy-16 --quiet -p build/tidy < build/tidy/files.txt \
  2> build/tidy/tidy.stderr || { tail -5 build/tidy/tidy.stderr >&2; exit 1; }

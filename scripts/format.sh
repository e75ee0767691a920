#!/bin/bash
# Formats all first-party C++ files, or with --check only says which differ (exit 1).
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(-i)
[ "${1:-}" != --check ] || mode=(--dry-run -Werror)
git ls-files -z --cached --others --exclude-standard -- '*.cc' '*.h' |
  xargs -0 -r -n 50 clang-format-16 --style=file "${mode[@]}"

#!/bin/bash
# buf lint of proto/ and a check that nothing a deployed peer or a stored log relies on was broken
# since proto/baseline.binpb. --update-baseline makes the current protos the baseline (releases).
set -euo pipefail
cd "$(dirname "$0")/../proto"
buf=(npx --yes --prefer-offline @bufbuild/buf@1.47.2)
if [ "${1:-}" = --update-baseline ]; then
  "${buf[@]}" build -o baseline.binpb
  exit 0
fi
"${buf[@]}" lint
"${buf[@]}" breaking --against baseline.binpb

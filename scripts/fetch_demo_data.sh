#!/bin/bash
# Prints the folder with the demo's data, random/<campaign>/<campaign>.csv and bts/.. below it.
#
# FULCRUM_DEMO_DATA=DIR names a folder that is already there; nothing is fetched or checked then.
# Otherwise the Open Bandit Dataset's sample is taken from the Python package obp 0.5.7, as pip is
# configured on this machine, unpacked into build/demo-data/obd and held against the SHA-256 sums of
# scripts/obd.sha256. Nothing of the package is imported. Exit 2 if there is no data to be had.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -n "${FULCRUM_DEMO_DATA:-}" ]; then
  if [ ! -d "$FULCRUM_DEMO_DATA" ]; then
    echo "FULCRUM_DEMO_DATA=$FULCRUM_DEMO_DATA is no folder." >&2
    exit 2
  fi
  echo "$FULCRUM_DEMO_DATA"
  exit 0
fi

root=$PWD
sums=$root/scripts/obd.sha256
target=$root/build/demo-data/obd

holds() { (cd "$1" 2>/dev/null && sha256sum --check --quiet --strict "$sums" >/dev/null 2>&1); }

if holds "$target"; then
  echo "$target"
  exit 0
fi

work=$root/build/demo-data/work
log=$root/build/demo-data/fetch.log
rm -rf "$work" "$target"
mkdir -p "$work"
: > "$log"

pip_download() {
  python3 -m pip download --no-deps --ignore-requires-python "$@" obp==0.5.7 \
    --dest "$work/package" >> "$log" 2>&1
}

# Looks for the data in what was unpacked and keeps it if every sum is right.
keep() {
  local found
  found=$(find "$work/unpacked" -type d -path '*/obp/dataset/obd' -print -quit)
  [ -n "$found" ] || { echo "no obp/dataset/obd in the package" >> "$log"; return 1; }
  if ! (cd "$found" && sha256sum --check --quiet --strict "$sums") >> "$log" 2>&1; then
    return 1
  fi
  mv "$found" "$target"
}

from_wheel() {
  pip_download --only-binary :all: || return 1
  python3 -m zipfile -e "$work"/package/obp-*.whl "$work/unpacked" >> "$log" 2>&1 && keep
}

from_source() {
  rm -rf "$work/unpacked" "$work/package"
  pip_download --no-binary obp || return 1
  python3 -m tarfile -e "$work"/package/obp-*.tar.gz "$work/unpacked" >> "$log" 2>&1 && keep
}

echo "fetching the Open Bandit Dataset's sample (obp 0.5.7)" >&2
if from_wheel || from_source; then
  rm -rf "$work"
  echo "$target"
  exit 0
fi
rm -rf "$work"
cat >&2 << END
The demo needs the Open Bandit Dataset's sample and could not get it. Either
  - let pip fetch it: python3 -m pip download obp==0.5.7 must work here (package python3-pip, a
    package index or proxy that pip is configured for); what went wrong is in $log
  - or name a folder that has it: FULCRUM_DEMO_DATA=DIR make demo, with
    DIR/random/<campaign>/<campaign>.csv and DIR/bts/<campaign>/<campaign>.csv
END
exit 2

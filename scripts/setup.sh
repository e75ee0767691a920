#!/bin/bash
# Installs the Debian packages of the named sets (deploy/packages.txt) that are missing.
# Usage: scripts/setup.sh [base] [xgboost] [tools] [arm64]; without arguments base and xgboost.
# Says nothing when all is there. Needs root or sudo only if something is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

sets=("$@")
[ ${#sets[@]} -gt 0 ] || sets=(base xgboost)

installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
while read -r set package command; do
  case "$set" in '' | '#'*) continue ;; esac
  case " ${sets[*]} " in *" $set "*) ;; *) continue ;; esac
  installed "$package" && continue
  [ -n "$command" ] && command -v "$command" >/dev/null && continue
  missing+=("$package")
done < deploy/packages.txt
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: not root and no sudo; as root run: apt-get install ${missing[*]}" >&2
    exit 2
  fi
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q
  --no-install-recommends "${missing[@]}")
"${as_root[@]}" apt-get update -q
"${install[@]}"

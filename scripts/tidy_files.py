#!/usr/bin/env python3
"""Prints the translation units for clang-tidy, one per line. Usage: see scripts/tidy.sh."""

import json
import pathlib
import random
import re
import subprocess
import sys
import zlib

PARTS = 16
INCLUDERS_MAX = 40  # a header that everyone includes must not turn this into a run over everything
ROOT = pathlib.Path(__file__).resolve().parent.parent


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.split() if done.returncode == 0 else None


def first_party(commands):
    units = set()
    for command in json.loads(pathlib.Path(commands).read_text(encoding="utf-8")):
        path = (pathlib.Path(command["directory"]) / command["file"]).resolve()
        if path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "build"):
            units.add(path.relative_to(ROOT).as_posix())
    return sorted(units)


def changed_files():
    """Files that differ from the baseline, or None: unknown, so everything counts as changed."""
    baseline = ROOT / ".ci" / "tidy-baseline"
    commit = baseline.read_text(encoding="utf-8").strip() if baseline.exists() else "none"
    return git("diff", "--name-only", commit, "--")


def includes_one_of(unit, headers):
    text = (ROOT / unit).read_text(encoding="utf-8")
    included = re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.MULTILINE)
    return any(header.endswith("/" + path) or header == path
               for path in included for header in headers)


def main():
    units = first_party(sys.argv[1])
    wanted = sys.argv[2:]
    if wanted == ["--changed"]:
        changed = changed_files()
        if changed is not None:
            headers = [path for path in changed if path.endswith(".h")]
            turn = int((git("rev-list", "--count", "HEAD") or ["0"])[0]) % PARTS
            due = {unit for unit in units
                   if unit in changed or zlib.crc32(unit.encode()) % PARTS == turn}
            includers = [unit for unit in units
                         if unit not in due and includes_one_of(unit, headers)]
            if len(includers) > INCLUDERS_MAX:
                print(f"tidy: {len(includers) - INCLUDERS_MAX} files that include a changed header "
                      "are left to their turn", file=sys.stderr)
                includers = random.Random(turn).sample(includers, INCLUDERS_MAX)
            units = sorted(due.union(includers))
    elif wanted:
        units = [unit for unit in units if unit in wanted]
    print("\n".join(units))


if __name__ == "__main__":
    main()

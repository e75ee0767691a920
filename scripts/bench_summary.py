#!/usr/bin/env python3
"""Merges the rows of all benches into summary.json and prints them as a table.

Usage: bench_summary.py EXPECTED FOLDER: the names that must be there, one per line, and the folder
with *.rows (one JSON object per line), where summary.json is written. Exit 1 if a gated row does
not hold, a row is ten times off its aim, or an expected one is absent.
"""

import json
import pathlib
import sys


def read_rows(folder):
    rows = {}
    for path in sorted(folder.glob("*.rows")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            rows[row["name"]] = row
    return [rows[name] for name in sorted(rows)]


def ten_times_off(row):
    if row["value"] is None:
        return True
    if row["direction"] == "at most":
        return row["value"] > 10 * row["aim"]
    return row["value"] * 10 < row["aim"]


def faults_of(rows, expected):
    present = {row["name"] for row in rows}
    faults = [f"{name}: no bench reported this row" for name in expected if name not in present]
    for row in rows:
        if row["gated"] and not row["holds"]:
            faults.append(f"{row['name']}: {row['value']} is not {row['direction']} {row['aim']}")
        elif ten_times_off(row):
            faults.append(f"{row['name']}: {row['value']} is ten times off its aim {row['aim']}")
    return faults


def main():
    lines = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    expected = [line for line in lines if line and not line.startswith("#")]
    folder = pathlib.Path(sys.argv[2])
    rows = read_rows(folder)
    summary = folder / "summary.json"
    summary.write_text(json.dumps({"rows": rows}, indent=2) + "\n", encoding="utf-8")

    print(f"\n{'row':32} {'value':>12} {'unit':8} {'aim':>20} {'':14} against")
    for row in rows:
        aim = f"{row['direction']} {row['aim']:g}"
        state = ("holds" if row["holds"] else "DOES NOT HOLD") + ("" if row["gated"] else " *")
        value = "none" if row["value"] is None else f"{row['value']:.4g}"
        print(f"{row['name']:32} {value:>12} {row['unit']:8} {aim:>20} {state:14} {row['against']}")
    print(f"* reported, not gated: an absolute figure of this machine\n{summary}")
    faults = faults_of(rows, expected)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

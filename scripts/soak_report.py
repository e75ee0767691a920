#!/usr/bin/env python3
"""Writes today's soak report. Usage: soak_report.py STATE REPORTS.

STATE holds <part>.result files of scripts/soak.sh; REPORTS/<date>.md gets a row for each part that
ran on that date. A report that is already there is replaced, its other parts included: rows of parts
whose result files are gone (a cleaned build folder) are kept as they are.
"""

import datetime
import os
import pathlib
import platform
import sys

HEAD = "| part | result | figures | minutes | commit |\n|---|---|---|---|---|\n"


def read_result(path):
    result = {"figures": []}
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition("=")
        if key == "figure":
            result["figures"].append(value.strip())
        else:
            result[key] = value
    return result


def row_of(name, result):
    figures = "; ".join(result["figures"]) or "none"
    minutes = f"{int(result['seconds']) / 60:.1f}"
    return f"| {name} | {result['result']} | {figures} | {minutes} | {result['commit']} |"


def rows_kept(report):
    """Rows of an earlier run of the day, by part."""
    if not report.exists():
        return {}
    rows = [line for line in report.read_text(encoding="utf-8").splitlines()
            if line.startswith("| ") and not line.startswith("| part")]
    return {row.split("|")[1].strip(): row for row in rows}


def main():
    state, reports = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    report = reports / f"{today}.md"
    rows = rows_kept(report)
    for path in sorted(state.glob("*.result")):
        result = read_result(path)
        if result["date"] == today:
            rows[path.stem] = row_of(path.stem, result)
    reports.mkdir(parents=True, exist_ok=True)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.release()}"
    text = f"# Soak report of {today}\n\nMachine: {machine}. `make soak` wrote this.\n\n" + HEAD
    report.write_text(text + "\n".join(rows[name] for name in sorted(rows)) + "\n",
                      encoding="utf-8")


if __name__ == "__main__":
    main()

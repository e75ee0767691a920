#!/usr/bin/env python3
"""Compares `fulcrum log export --format parquet` with CSV. Usage: check_golden.py FULCRUM WORK.

The logs: the golden one of format version 2, a simulated one, and one of awkward texts and numbers.
"""

import csv
import datetime
import json
import math
import pathlib
import random
import shutil
import struct
import subprocess
import sys

import duckdb
import pandas
import pyarrow.parquet

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
# By docs/exchange.md: the type of a column there, in Arrow, in DuckDB and in pandas.
TYPES = {
    "text": ("string", "VARCHAR", "str"),
    "uint64": ("uint64", "UBIGINT", "uint64"),
    "int64": ("int64", "BIGINT", "int64"),
    "double": ("double", "DOUBLE", "float64"),
    "time": ("timestamp[us, tz=UTC]", "TIMESTAMP WITH TIME ZONE", "datetime64[us, UTC]"),
}


def documented_columns():
    """Names and types, from the table in docs/exchange.md."""
    columns = []
    for line in pathlib.Path("docs/exchange.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 5 and cells[2] in TYPES and cells[1].startswith("`"):
            columns.append((cells[1].strip("`"), cells[2]))
    return columns


def awkward_log(fulcrum, work):
    """A log made of a table, with what CSV must quote and doubles of every size."""
    values = random.Random(7)
    texts = ["plain", "a,b", 'say "x"', "two\nlines", "\r", "ü€😀", " blank ", "NULL", "0x1"]
    with open(work / "awkward.csv", "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        out.writerow(["action", "propensity", "reward", "time", "surface"])
        for number in range(70_000):  # more than a row group
            reward = struct.unpack("<d", values.randbytes(8))[0]
            out.writerow([values.choice(texts), repr(1 - values.random()),
                          repr(reward if math.isfinite(reward) else 5e-324),
                          f"2019-11-24T00:{number // 60 % 60:02}:{number % 60:02}.{number % 1000:03}Z",
                          values.choice(texts)])
    subprocess.run([fulcrum, "log", "import", work / "awkward.csv", work / "awkward", "--format",
                    "table", "--time", "time", "--surface-column", "surface", "--strict"], check=True)
    return work / "awkward"


def simulated_log(fulcrum, work):
    subprocess.run([fulcrum, "simulate", "--world", "stationary", "--decisions", "3000", "--work",
                    work / "simulated"], check=True, stdout=subprocess.DEVNULL)
    return work / "simulated/config/data/log"


def parsed(text, kind):
    """A field of CSV as Python's value for its type."""
    if text == "":
        return None
    if kind in ("uint64", "int64"):
        return int(text)
    if kind == "double":
        return float(text)
    if kind == "time":
        return (datetime.datetime.fromisoformat(text) - EPOCH) // datetime.timedelta(microseconds=1)
    return text


def same(one, other):
    return one == other and math.copysign(1, one) == math.copysign(1, other) if isinstance(
        one, float) and isinstance(other, float) else one == other


def expect(right, what):
    if not right:
        sys.exit(f"check_golden: {what}")


def compare(name, rows, expected, columns):
    expect(len(rows) == len(expected), f"{name}: {len(rows)} rows, the CSV has {len(expected)}")
    for number, (row, right) in enumerate(zip(rows, expected)):
        for (column, _), one, other in zip(columns, row, right):
            expect(same(one, other), f"{name}, row {number}, {column}: {one!r}, not {other!r}")


def duckdb_rows(path, columns):
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    wanted = ", ".join(f'epoch_us("{name}")' if kind == "time" else f'"{name}"'
                       for name, kind in columns)
    table = f"read_parquet('{path}', file_row_number = true)"
    types = {row[0]: row[1] for row in database.execute(
        f"DESCRIBE SELECT * FROM read_parquet('{path}')").fetchall()}
    rows = database.execute(f"SELECT {wanted} FROM {table} ORDER BY file_row_number").fetchall()
    return types, rows


def pandas_rows(path, columns):
    frame = pandas.read_parquet(path)
    lists = []
    for name, kind in columns:
        values = frame[name]
        if kind == "time":
            values = values.astype("int64")
        lists.append([None if value is None or value != value else value
                      for value in values.tolist()])
    return {name: str(frame[name].dtype) for name, _ in columns}, list(zip(*lists))


def decided_positions(fulcrum, log, work):
    """What the lines of JSON say: (LSN, position, action) of every decision."""
    subprocess.run([fulcrum, "log", "export", log, work / "out.jsonl"], check=True,
                   stdout=subprocess.DEVNULL)
    decided = []
    with open(work / "out.jsonl", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if record["type"] == "decision":
                for number, position in enumerate(record["event"].get("positions", [])):
                    decided.append((record["lsn"], number + 1, position["action_id"]))
    return decided


def check(fulcrum, log, work, columns):
    for kind in ("csv", "parquet"):
        subprocess.run([fulcrum, "log", "export", log, work / f"out.{kind}", "--format", kind],
                       check=True, stdout=subprocess.DEVNULL)
    with open(work / "out.csv", encoding="utf-8", newline="") as file:
        records = list(csv.reader(file))
    expect(records[0] == [name for name, _ in columns], f"the CSV's header is {records[0]}")
    expected = [tuple(parsed(field, kind) for field, (_, kind) in zip(record, columns))
                for record in records[1:]]

    schema = pyarrow.parquet.read_schema(work / "out.parquet")
    expect([(field.name, str(field.type)) for field in schema] ==
           [(name, TYPES[kind][0]) for name, kind in columns], f"Arrow's schema is {schema}")
    types, rows = duckdb_rows(work / "out.parquet", columns)
    expect(list(types.items()) == [(name, TYPES[kind][1]) for name, kind in columns],
           f"DuckDB's types are {types}")
    compare("DuckDB", rows, expected, columns)
    types, rows = pandas_rows(work / "out.parquet", columns)
    expect(list(types.items()) == [(name, TYPES[kind][2]) for name, kind in columns],
           f"pandas's types are {types}")
    compare("pandas", rows, expected, columns)
    names = [name for name, _ in columns]
    at = [names.index(name) for name in ("lsn", "position", "action")]
    expect(sorted(tuple(row[i] for i in at) for row in expected) ==
           sorted(decided_positions(fulcrum, log, work)), "the rows are not the decided positions")
    print(f"{log}: {len(expected)} rows, the same in CSV, JSON lines, DuckDB and pandas")


def main():
    fulcrum, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]) / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    columns = documented_columns()
    expect(len(columns) == 25, f"docs/exchange.md has {len(columns)} columns")
    for log in (pathlib.Path("tests/golden/decision_log/v2"), simulated_log(fulcrum, work),
                awkward_log(fulcrum, work)):
        check(fulcrum, log, work, columns)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Imports generated JSON lines of two sizes and compares. Usage: soak_import.py FULCRUM WORK.

WORK gets files of 100 MB and 1 GB, and their logs, and is emptied again. Fails unless every good line
became a record, every bad one was told with its number (one of each file is far longer than a line
may be), and the peak memory of the large import is that of the small one. Prints figures for the soak
report.
"""

import json
import pathlib
import random
import re
import shutil
import subprocess
import sys

SMALL, LARGE = 100_000_000, 1_000_000_000
BAD_EVERY = 50_000  # lines
HUGE_AT = 10_000
FLAT = 1.1  # how much more memory ten times the file may take
START_US = 1_574_553_600_000_000


def templates(fulcrum, work):
    """Real lines of a simulated log, one for each kind of record that is about a decision."""
    subprocess.run([fulcrum, "simulate", "--world", "stationary", "--decisions", "2000", "--work",
                    work / "simulated"], check=True, stdout=subprocess.DEVNULL)
    log = work / "simulated/config/data/log"
    subprocess.run([fulcrum, "log", "export", log, work / "simulated.jsonl"], check=True,
                   stdout=subprocess.DEVNULL)
    lines = (work / "simulated.jsonl").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if '"decision_id":' in line or '"type":"decision"' in line]


def generate(path, size, lines, seed):
    """Lines until there are `size` bytes. Returns how many are good, and the numbers of bad ones."""
    values = random.Random(seed)
    pattern = re.compile(r'"time_us":\d+')
    written = number = 0
    bad = []
    with open(path, "w", encoding="utf-8", buffering=1 << 20) as out:
        while written < size:
            number += 1
            if number == HUGE_AT:
                line = " " * (size // 3)
                bad.append(number)
            elif number % BAD_EVERY == 0:
                line = '{"type":"decision","lsn":1,"time_us":"soon"}'
                bad.append(number)
            else:
                line = pattern.sub(f'"time_us":{START_US + number * 250}', values.choice(lines), 1)
            written += out.write(line + "\n")
    return number - len(bad), bad


def measure(fulcrum, work, name, size, lines):
    """One import in a process of its own: records, bad lines, MB at the peak, MB per second of wall
    time and of processor time (other programs may run beside it)."""
    path, log = work / f"{name}.jsonl", work / name
    good, bad = generate(path, size, lines, len(name))
    measured = subprocess.run(
        [sys.executable, "-c",
         "import json, resource, subprocess, sys, time\n"
         "begun = time.monotonic()\n"
         "run = subprocess.run(sys.argv[1:], capture_output=True, text=True)\n"
         "seconds = time.monotonic() - begun\n"
         "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
         "print(json.dumps([run.returncode, run.stdout, run.stderr, seconds,\n"
         "  used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))",
         fulcrum, "log", "import", path, log], check=True, capture_output=True, text=True)
    code, told, left_out, seconds, cpu_seconds, megabytes = json.loads(measured.stdout)
    counts = [int(number) for number in re.findall(r"(\d+) ", told)]
    if code != 1 or counts[0] + counts[1] != good or counts[2] != len(bad):
        sys.exit(f"{name}: exit {code}, {told.strip()}; expected {good} good, {len(bad)} bad")
    numbers = [int(number) for number in re.findall(r"line (\d+):", left_out)]
    if numbers != bad[:20]:
        sys.exit(f"{name}: bad lines {numbers}, expected {bad[:20]}")
    size_mb = path.stat().st_size / 1e6
    path.unlink()
    print(f"{name}: {good} records, {len(bad)} bad lines, {megabytes:.1f} MB, {seconds:.1f} s, "
          f"{cpu_seconds:.1f} s of processor time", flush=True)
    return good, len(bad), megabytes, size_mb / seconds, size_mb / cpu_seconds


def main():
    fulcrum, work = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    lines = templates(fulcrum, work)
    small = measure(fulcrum, work, "small", SMALL, lines)[2]
    records, bad, large, rate, cpu_rate = measure(fulcrum, work, "large", LARGE, lines)
    subprocess.run([fulcrum, "log", "stats", work / "large"], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.rmtree(work)
    print(f"figure: import of 1 GB = {records} records, {bad} bad lines told")
    print(f"figure: import peak memory MB = {large:.1f} (of 100 MB: {small:.1f})")
    print(f"figure: import MB/s = {rate:.1f} (by processor time: {cpu_rate:.1f})")
    if large > FLAT * small:
        sys.exit(f"not flat: {large:.1f} MB against {small:.1f} MB")


if __name__ == "__main__":
    main()

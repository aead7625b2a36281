#!/usr/bin/env python3
"""What is timed inside one box, mount or nothing at all: walks, searches, unpacks and removes a tree of 15,000 files.

session.py OPERATIONS: runs in the directory that holds tree/ and tree.tar, calls the program OPERATIONS for single
operations, and prints one JSON object: name -> seconds.
"""

import json
import subprocess
import sys
import time

PHASES = [
    ("find 15,000 files, first", ["find", "tree", "-size", "+1M"]),
    ("find 15,000 files, again", ["find", "tree", "-size", "+1M"]),
    ("grep -r, first", ["grep", "-rc", "no such words", "tree"]),
    ("grep -r, again", ["grep", "-rc", "no such words", "tree"]),
    ("untar 15,000 files", ["tar", "-xf", "tree.tar", "--one-top-level=unpacked"]),
    ("rm -rf 15,000 files", ["rm", "-rf", "unpacked"]),
]


def main():
    times = {}
    for name, command in PHASES:
        start = time.perf_counter()
        status = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
        times[name] = time.perf_counter() - start
        if status not in ({0, 1} if command[0] == "grep" else {0}):
            sys.exit(f"session: {' '.join(command)}: exit status {status}")
    for line in subprocess.run([sys.argv[1], "."], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
        name, microseconds = line.split("\t")
        times[name] = float(microseconds) / 1e6
    json.dump(times, sys.stdout)


if __name__ == "__main__":
    main()

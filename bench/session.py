#!/usr/bin/env python3
"""What is timed inside one box, mount or nothing at all: walks, searches, unpacks and removes a tree of 15,000 files.

session.py OPERATIONS: runs in the directory that holds tree/ and tree.tar, calls the program OPERATIONS for single
operations, and prints one JSON object: name -> seconds.  A phase that did not see every file has no time: it fails.
"""

import json
import os
import subprocess
import sys
import time

FILES = 15000
# find needs a stat of each file for its size, and names each; grep names each with its count; tar names files alone.
FIND = ["find", "tree", "-type", "f", "-size", "+0"]
GREP = ["grep", "-rc", "no such words", "tree"]
PHASES = [  # name, command, good exit status, lines of output
    ("find 15,000 files, first", FIND, 0, FILES),
    ("find 15,000 files, again", FIND, 0, FILES),
    ("grep -r, first", GREP, 1, FILES),
    ("grep -r, again", GREP, 1, FILES),
    ("untar 15,000 files", ["tar", "-xvf", "tree.tar", "--one-top-level=unpacked"], 0, FILES),
    ("rm -rf 15,000 files", ["rm", "-rf", "unpacked"], 0, 0),
]


def main():
    times = {}
    for name, command, good, lines in PHASES:
        start = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        times[name] = time.perf_counter() - start
        seen = done.stdout.count(b"\n")
        if (done.returncode, seen) != (good, lines):
            sys.exit(f"session: {' '.join(command)}: exit status {done.returncode}, {seen} lines, not {good} and {lines}")
    if os.path.exists("unpacked"):
        sys.exit("session: rm -rf left something behind")
    for line in subprocess.run([sys.argv[1], "."], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
        name, microseconds = line.split("\t")
        times[name] = float(microseconds) / 1e6
    json.dump(times, sys.stdout)


if __name__ == "__main__":
    main()

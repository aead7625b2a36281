#!/usr/bin/env python3
"""What is timed inside one box, mount or nothing at all: walks, searches, unpacks and removes a tree of 15,000 files.

session.py OPERATIONS [PART...]: runs in the directory that holds tree/ and tree.tar, calls the program OPERATIONS for
single operations, and prints one JSON object: name -> seconds.  A phase that did not see every file has no time: it
fails.  The parts: walk, write, operations; all where none is named.
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
WALK = [  # name, command, good exit status, lines of output
    ("find 15,000 files, first", FIND, 0, FILES),
    ("find 15,000 files, again", FIND, 0, FILES),
    ("grep -r, first", GREP, 1, FILES),
    ("grep -r, again", GREP, 1, FILES),
]
WRITE = [
    ("untar 15,000 files", ["tar", "-xvf", "tree.tar", "--one-top-level=unpacked"], 0, FILES),
    ("rm -rf 15,000 files", ["rm", "-rf", "unpacked"], 0, 0),
]


def timed_phases(phases):
    times = {}
    for name, command, good, lines in phases:
        start = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        times[name] = time.perf_counter() - start
        seen = done.stdout.count(b"\n")
        if (done.returncode, seen) != (good, lines):
            sys.exit(f"session: {' '.join(command)}: exit status {done.returncode}, {seen} lines, "
                     f"not {good} and {lines}")
    if os.path.exists("unpacked"):
        sys.exit("session: rm -rf left something behind")
    return times


def timed_operations(program):
    output = subprocess.run([program, "."], stdout=subprocess.PIPE, text=True, check=True).stdout
    pairs = (line.split("\t") for line in output.splitlines())
    return {name: float(microseconds) / 1e6 for name, microseconds in pairs}


def main():
    parts = {"walk": lambda: timed_phases(WALK), "write": lambda: timed_phases(WRITE),
             "operations": lambda: timed_operations(sys.argv[1])}
    times = {}
    for part in sys.argv[2:] or parts:
        times |= parts[part]()
    json.dump(times, sys.stdout)


if __name__ == "__main__":
    main()

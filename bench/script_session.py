"""What is done to a file of a file system in Ruby, Python or C++: script_session.py FILE TIMES prints seconds for each."""

import json
import os
import sys
import time


def read(path):
    file = os.open(path, os.O_RDONLY)
    os.read(file, 4096)
    os.close(file)


def main():
    path, times = sys.argv[1], int(sys.argv[2])
    results = {}
    for name, operation, count in (("stat", os.stat, times), ("open, read, close", read, times // 4)):
        for _ in range(count // 10):
            operation(path)
        start = time.perf_counter()
        for _ in range(count):
            operation(path)
        results[name] = (time.perf_counter() - start) / count
    print(json.dumps(results))


if __name__ == "__main__":
    main()

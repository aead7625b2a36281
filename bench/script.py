"""File systems in Ruby, next to the same in C++ (examples/hello.cc) and in Python (fusepy): one file, asked again and again.

But for the cached one the kernel remembers where the name leads, as hello lets it, and asks for the file's attributes each time.
`at once` does nothing but to answer: what is left is the kernel's.  Server and caller where the kernel puts them, on one processor, and on one each: that decides more than the language.
"""

import json
import os
import sys

import mounts
import variants

TITLE = "File systems in Ruby: a file of one"
BASE = "hello (C++)"
TIMES = 8_000
HERE = variants.HERE
PYTHON = sys.executable if sys.executable.startswith("/usr/bin/") else "/usr/bin/python3"  # Debian's, which has fusepy


def placements():
    """Where -> (the processors of the server, those of the caller)."""
    all_of_them = sorted(os.sched_getaffinity(0))
    first, second = all_of_them[0], all_of_them[-1]
    places = {"anywhere": (all_of_them, all_of_them), "one processor": ([first], [first])}
    if second != first:
        places["two processors"] = ([second], [first])
    return places


def on(processors, command):
    return ["taskset", "--cpu-list", ",".join(map(str, processors)), *command]


def servers(mountpoint):
    ours = [str(variants.FUSEBOX), "script", "--mount", str(mountpoint), str(HERE / "script_hello.rb")]
    python = [PYTHON, str(HERE / "script_hello.py"), str(mountpoint)]
    return {
        BASE: [str(variants.FUSEBOX.parent / "examples/hello"), str(mountpoint)],
        "at once (C++)": [str(variants.FUSEBOX.parent / "bench/bench_at_once"), str(mountpoint)],
        "script": ours,
        "script, cached": [*ours, "cached"],
        "fusepy": python,
        "fusepy, one thread": [*python, "nothreads"],
        "fusepy, permissions checked": [*python, "default_permissions"],
        "fusepy, one thread, permissions checked": [*python, "nothreads", "default_permissions"],
    }


def _usable(mountpoint, log):
    working, notes = {}, []
    for name, command in servers(mountpoint).items():
        try:
            with mounts.mounted(command, mountpoint, log):
                pass
            working[name] = command
        except (variants.Failure, OSError) as error:
            what = name if name.startswith("fusepy") else f"fusebox {name}"
            notes.append(f"{what} not measured: {error}")
    return working, notes


def measure(_, work, scratch, rounds):
    mountpoint = scratch / "mount"
    mountpoint.mkdir()
    log = scratch / "log"
    working, notes = _usable(mountpoint, log)

    def once(_, command):
        seconds = {}
        for where, (servers_own, callers_own) in placements().items():
            with mounts.mounted(on(servers_own, command), mountpoint, log):
                words = [sys.executable, str(HERE / "script_session.py"), str(mountpoint / "ada"), str(TIMES)]
                measured = json.loads(variants.run(on(callers_own, words), work)[0])
            seconds |= {f"{operation}, {where}": took for operation, took in measured.items()}
        return seconds

    return variants.interleaved(working, rounds, once), notes

"""File systems in Ruby, next to the same in C++ (examples/hello.cc) and in Python (fusepy): one file, asked again and again.

`uncached`: the kernel remembers where the name leads, as hello lets it, and asks for the attributes each time.
"""

import json
import sys

import mounts
import variants

TITLE = "File systems in Ruby: a file of one"
BASE = "hello (C++)"
TIMES = 20_000
HERE = variants.HERE
PYTHON = sys.executable if sys.executable.startswith("/usr/bin/") else "/usr/bin/python3"  # Debian's, which has fusepy


def servers(mountpoint):
    ours = [str(variants.FUSEBOX), "script", "--mount", str(mountpoint), str(HERE / "script_hello.rb")]
    return {
        BASE: [str(variants.FUSEBOX.parent / "examples/hello"), str(mountpoint)],
        "script": ours,
        "script, cached": [*ours, "cached"],
        "fusepy": [PYTHON, str(HERE / "script_hello.py"), str(mountpoint)],
        "fusepy, one thread": [PYTHON, str(HERE / "script_hello.py"), str(mountpoint), "nothreads"],
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
        with mounts.mounted(command, mountpoint, log):
            words = [sys.executable, str(HERE / "script_session.py"), str(mountpoint / "ada"), str(TIMES)]
            return json.loads(variants.run(words, work)[0])

    return variants.interleaved(working, rounds, once), notes

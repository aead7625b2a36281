#!/usr/bin/env python3
"""Cuts a run of the model that fails down to the operations that matter.

  tests/model/reduce.py --seed N --only THREAD [--transport dev-fuse] [--most OPERATIONS] [--native]

Only what happens in a thread's own world can be reduced.  Prints the operations that are left.  An operation does the
same whether or not the others are performed (random.h), so any of them can be left out.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "acceptance"))
import boxed  # noqa: E402
import serving  # noqa: E402


class Trials:
    def __init__(self, top, options):
        self.top = top
        self.options = options
        self.count = 0

    def run(self, numbers=None, *more):
        """The output of a run that failed, else None."""
        self.count += 1
        folders = [self.top / side / f"trial{self.count}" for side in ("point", "plain", "source")]
        for folder in folders[:2]:
            folder.mkdir()
        arguments = ["--mirror", folders[0], "--plain", folders[1], "--host", folders[2], "--seed", self.options.seed,
                     "--threads", self.options.only + 1, "--only", self.options.only, "--seconds", 600, *more]
        if numbers is not None:
            keep = self.top / "keep"
            keep.write_text("\n".join(map(str, numbers)))
            arguments += ["--keep", keep, "--ops", numbers[-1] + 1]
        done = subprocess.run([boxed.helper("model_load"), *map(str, arguments)], capture_output=True, text=True, timeout=900)
        for folder in folders[:2]:
            shutil.rmtree(folder, ignore_errors=True)
        return done.stdout if done.returncode != 0 else None

    def reduced(self, numbers):
        chunk = len(numbers) // 2
        while chunk > 0:
            at = 0
            while at < len(numbers):
                fewer = numbers[:at] + numbers[at + chunk:]
                if fewer and self.run(fewer):
                    numbers = fewer
                else:
                    at += chunk
            print(f"{len(numbers)} operations are left, after {self.count} trials", flush=True)
            chunk //= 2
        return numbers


def number_of(output):
    return int(output.split("operation ", 1)[1].split()[0])


def reduce(top, options):
    trials = Trials(top, options)
    output = trials.run(None, "--ops", options.most)
    if output is None:
        return print(f"no difference in {options.most} operations")
    last = number_of(output)
    if "the trees differ" in output:  # since when?
        output = trials.run(list(range(last + 1)), "--compare-every", 5) or output
        last = number_of(output)
    numbers = trials.reduced(list(range(last + 1)))
    print(numbers)
    print(trials.run(numbers) or "not reproduced: it depends on the time")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--only", type=int, required=True)
    parser.add_argument("--transport", default="dev-fuse", choices=serving.TRANSPORTS)
    parser.add_argument("--most", type=int, default=100_000)
    parser.add_argument("--native", action="store_true")
    options = parser.parse_args()
    top = pathlib.Path(tempfile.mkdtemp(prefix="fusebox-model-", dir=boxed.SCRATCH))
    for name in ("source", "plain", "point"):
        (top / name).mkdir(mode=0o777)
    top.chmod(0o755)
    if options.native:
        (top / "point").rmdir()
        (top / "point").symlink_to("source")
        reduce(top, options)
    else:
        mirror = serving.start_mirror(options.transport, top / "source", top / "point")
        try:
            reduce(top, options)
        finally:
            subprocess.run(["umount", "-l", top / "point"], check=False)
            mirror.wait(20)
    shutil.rmtree(top)


if __name__ == "__main__":
    serving.in_own_mount_namespace()
    main()

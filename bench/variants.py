"""The ways to run a command that are compared, and how to run one without leaving anything behind."""

import os
import pathlib
import shutil
import signal
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
FUSEBOX = pathlib.Path(os.environ.get("FUSEBOX", HERE.parent / "build/release/fusebox")).resolve()


class Failure(Exception):
    """One line for the user."""


def run(command, cwd):
    """Runs a command; gives its standard output and the seconds it took.  Takes it down with us, whatever ends us."""
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          start_new_session=True) as process:
        try:
            output, errors = process.communicate()
        except BaseException:
            _end(process)
            raise
    seconds = time.perf_counter() - start
    if process.returncode != 0:
        last = errors.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise Failure(f"{' '.join(map(str, command))}: exit status {process.returncode}: {last[0]}")
    return output.decode(errors="replace"), seconds


def _end(process):
    for number, patience in ((signal.SIGTERM, 3), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, number)
            process.communicate(timeout=patience)
            return
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def prefixes(scratch):
    """Variant -> the words before the command.  `scratch` is a directory for what the variants themselves write."""
    return {
        "native": [],
        "fusebox": [str(FUSEBOX), "run", "--log", str(scratch / "audit.jsonl"), "--"],
        "fuse-overlayfs": [str(HERE / "in_fuse_overlayfs"), str(scratch / "fuse-overlayfs")],
        "bwrap": ["bwrap", "--die-with-parent", "--bind", "/", "/", "--dev", "/dev", "--proc", "/proc"],
        "strace": ["strace", "-f", "-e", "%file", "-o", str(scratch / "strace.out")],
    }


def usable(names, scratch):
    """Those of the variants that run a command here, and a line about each that does not."""
    working, notes = {}, []
    for name in names:
        prefix = prefixes(scratch)[name]
        try:
            output, _ = run([*prefix, "echo", "inside"], scratch)
            if output.strip() != "inside":
                raise Failure(f"{prefix[0]}: ran, but not the command")
            working[name] = prefix
        except (Failure, OSError) as error:
            notes.append(f"{name} not measured: {error}")
        tidy(scratch)
    return working, notes


def tidy(scratch):
    """Removes what the variants wrote, so that no round pays for an earlier one."""
    for entry in scratch.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def interleaved(variants, rounds, once, report=print):
    """Calls once(variant, prefix) -> {name: seconds} in rounds over all variants; gives {name: {variant: [seconds]}}."""
    samples = {}
    for number in range(1, rounds + 1):
        for variant, prefix in variants.items():
            os.sync()  # the writes of one run are not paid for by the next
            for name, seconds in once(variant, prefix).items():
                samples.setdefault(name, {}).setdefault(variant, []).append(seconds)
        report(f"  round {number} of {rounds} done")
    return samples

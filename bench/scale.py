"""What a request costs with few and with many inodes known to the kernel, and with few and with many rules."""

import contextlib
import subprocess

import mounts
import variants

TITLE = "Requests by the number of inodes and of rules"
BASE = "fewest"
LOOKUPS = variants.HERE.parent / "build/release/bench/bench_lookups"
KNOWN = [1000, 10_000, 100_000, 1_000_000]
RULES = [10, 100, 1000, 10_000]


@contextlib.contextmanager
def _in_memory(directory):
    """A tmpfs: a million files would not fit elsewhere, and what the disk does should be out of this."""
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=0", "tmpfs", str(directory)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def _policy(directory, rules):
    """The default profile, and `rules` rules on names next to those that are asked about; one in ten has a star."""
    paths = [f"{directory}/d{number % 10}/secret{number}{'*' if number % 10 == 3 else ''}" for number in range(rules)]
    return 'include = ["default"]\n[files]\ndeny = [\n' + "".join(f'  "{path}",\n' for path in paths) + "]\n"


def _timed(command, cwd):
    lines = variants.run(command, cwd)[0].splitlines()
    return {name: float(microseconds) / 1e6 for name, microseconds in (line.split("\t") for line in lines)}


def _by_known(source, mountpoint, log, server):
    """How many are known -> a function that measures it; natively where there is no server."""
    def once(known):
        if server is None:
            return _timed([str(LOOKUPS), str(source), str(known)], "/")
        command, view = server
        with mounts.mounted(command, mountpoint, log):
            return _timed([str(LOOKUPS), str(view), str(known)], "/")
    return once


def _by_rules(source, scratch):
    def once(rules):
        policy = scratch / "policy.toml"
        policy.write_text(_policy(source, rules))
        command = [str(variants.FUSEBOX), "run", "--quiet", "--policy", str(policy),
                   "--log", str(scratch / "audit.jsonl"), "--", str(LOOKUPS), str(source), str(KNOWN[0])]
        return _timed(command, source)
    return once


def measure(_, work, scratch, rounds):
    source, mountpoint = work / "many", scratch / "mount"
    mountpoint.mkdir()
    with _in_memory(source):
        variants.run([str(LOOKUPS), str(source), str(KNOWN[-1]), "make"], work)
        server = mounts.servers(source, mountpoint)["fusebox mirror"]
        families = [("native", "known", KNOWN, _by_known(source, mountpoint, scratch / "log", None)),
                    ("mirror", "known", KNOWN, _by_known(source, mountpoint, scratch / "log", server)),
                    ("box", "rules", RULES, _by_rules(source, scratch))]
        samples = {}
        for number in range(1, rounds + 1):
            for where, unit, counts, once in families:
                for count in counts:
                    for name, seconds in once(count).items():
                        samples.setdefault(f"{name}, {where}", {}).setdefault(f"{count:,} {unit}", []).append(seconds)
            print(f"  round {number} of {rounds} done", flush=True)
    return samples, []

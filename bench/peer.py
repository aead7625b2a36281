"""A mirror without a box, next to libfuse's passthrough_hp, which does the same work.

Each part of a session has a fresh mount: passthrough_hp holds a descriptor for each file that the kernel knows, and
twice 15,000 are more than a process may have on many machines.
"""

import contextlib
import json

import files
import mounts
import variants

TITLE = "Mirror and passthrough_hp, without a box"
OURS = ["fusebox mirror", "fusebox mirror, io_uring"]
PARTS = ["walk", "write", "operations"]
RIVALS = ["passthrough_hp", "passthrough_hp, io_uring", "passthrough_hp, io_uring, cached"]


def _usable(source, mountpoint, log, has_rings):
    """Those that mount here, and a line about each that does not."""
    working, notes = {"native": None}, []
    if not mounts.PASSTHROUGH_HP:
        notes.append("passthrough_hp not measured: PASSTHROUGH_HP does not name it")
    servers = mounts.servers(source, mountpoint)
    for name in OURS + (RIVALS if mounts.PASSTHROUGH_HP else []):
        try:
            # passthrough_hp says nothing where it has to do without.
            if "io_uring" in name and not has_rings:
                raise variants.Failure(f"the kernel does not offer it ({mounts.RINGS})")
            with mounts.mounted(servers[name][0], mountpoint, log):
                pass
            working[name] = servers[name]
        except (variants.Failure, OSError) as error:
            notes.append(f"{name} not measured: {error}")
    return working, notes


def measure(_, work, scratch, rounds):
    files.make_tree(work)
    mountpoint = scratch / "mount"
    mountpoint.mkdir()
    log = scratch / "log"
    session = ["python3", str(variants.HERE / "session.py"), str(files.OPERATIONS)]

    def once(_, server):
        times = {}
        for part in PARTS:
            with contextlib.nullcontext() if server is None else mounts.mounted(server[0], mountpoint, log):
                times |= json.loads(variants.run([*session, part], work if server is None else server[1])[0])
        return times

    with mounts.rings_offered() as has_rings:
        working, notes = _usable(work, mountpoint, log, has_rings)
        once("native", None)
        return variants.interleaved(working, rounds, once), notes

"""Single operations and work on a tree of 15,000 files, each session in a fresh box or mount."""

import io
import json
import shutil
import tarfile

import variants

TITLE = "Files"
NAMES = ["native", "fusebox", "fuse-overlayfs"]
OPERATIONS = variants.HERE.parent / "build/release/bench/bench_operations"


def make_tree(work):
    """150 directories of 100 files, 1 to 6 kB of text each, as an archive and unpacked."""
    line = b"the quick brown fox jumps over the lazy dog, again and again and again\n"
    with tarfile.open(work / "tree.tar", "w") as archive:
        for number in range(15000):
            content = line * (14 + number * 7 % 70)
            member = tarfile.TarInfo(f"tree/d{number // 100:03}/f{number % 100:02}.txt")
            member.size, member.mode, member.mtime = len(content), 0o644, 1_700_000_000
            archive.addfile(member, io.BytesIO(content))
    variants.run(["tar", "-xf", "tree.tar"], work)


def measure(_, work, scratch, rounds):
    working, notes = variants.usable(NAMES, scratch)
    make_tree(work)
    # Inside the working directory they are within reach of every variant.
    session = shutil.copy(variants.HERE / "session.py", work)
    operations = shutil.copy(OPERATIONS, work)

    def once(_, prefix):
        try:
            output, _ = variants.run([*prefix, "python3", session, operations], work)
            return json.loads(output)
        finally:
            variants.tidy(scratch)

    once("native", [])
    return variants.interleaved(working, rounds, once), notes

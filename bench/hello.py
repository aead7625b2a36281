"""A whole build: GNU hello 2.10, configure, make and run, in a fresh copy each time."""

import shutil

import variants

TITLE = "GNU hello 2.10: `./configure && make -j2 && ./hello`"
NAMES = ["native", "fusebox", "fuse-overlayfs", "bwrap", "strace"]
COMMAND = ["sh", "-c", "./configure >/dev/null && make -j2 >/dev/null 2>&1 && ./hello"]


def measure(cache, work, scratch, rounds):
    variants.run([str(variants.HERE / "get_hello"), str(cache)], work)
    working, notes = variants.usable(NAMES, scratch)
    copy = work / "hello"

    def once(_, prefix):
        shutil.copytree(cache / "hello-2.10", copy, symlinks=True)
        try:
            output, seconds = variants.run([*prefix, *COMMAND], copy)
            if "Hello, world!" not in output:
                raise variants.Failure(f"{' '.join(prefix)}: hello says {output!r}")
            return {"configure, make, run": seconds}
        finally:
            shutil.rmtree(copy)
            variants.tidy(scratch)

    once("native", [])  # the compiler and the shell's tools come into the page cache
    return variants.interleaved(working, rounds, once), notes

"""What it costs to start and to end: `true`, 50 times for each way to run it, whatever the number of rounds."""

import variants

TITLE = "Start and end: `true`"
NAMES = ["native", "fusebox", "bwrap", "fuse-overlayfs"]
TIMES = 50


def measure(_, work, scratch, __):
    working, notes = variants.usable(NAMES, scratch)

    def once(_, prefix):
        try:
            return {"true": variants.run([*prefix, "true"], work)[1]}
        finally:
            variants.tidy(scratch)

    return variants.interleaved(working, TIMES, once, report=lambda _: None), notes

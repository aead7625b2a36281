"""Servers that show a directory at another place, to be measured without a box: mounts one, and takes it down again."""

import contextlib
import os
import pathlib
import signal
import subprocess
import time

import variants

PASSTHROUGH_HP = os.environ.get("PASSTHROUGH_HP", "")
RINGS = pathlib.Path("/sys/module/fuse/parameters/enable_uring")
PATIENCE = 10  # seconds


def servers(source, mountpoint):
    """Variant -> (the command, in the foreground, and where it then shows `source`)."""
    everything, below = pathlib.Path(mountpoint, *source.parts[1:]), pathlib.Path(mountpoint)
    ours = [str(variants.FUSEBOX), "mirror"]
    peer = [PASSTHROUGH_HP, "--foreground"]
    return {
        "fusebox mirror": ([*ours, "/", str(mountpoint)], everything),
        "fusebox mirror, io_uring": ([*ours, "--transport", "io-uring", "/", str(mountpoint)], everything),
        "passthrough_hp": ([*peer, str(source), str(mountpoint)], below),
        "passthrough_hp, io_uring": ([*peer, "-o", "io_uring", str(source), str(mountpoint)], below),
        "passthrough_hp, io_uring, cached": ([*peer, "-o", "io_uring", "--nopassthrough", str(source), str(mountpoint)],
                                             below),
    }


@contextlib.contextmanager
def mounted(command, mountpoint, log):
    """Runs a server for as long as the block lasts.  `log` is a file for what it says."""
    outside = mountpoint.stat().st_dev
    with open(log, "wb") as output, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                                     cwd="/", start_new_session=True) as server:
        try:
            _wait_for(server, mountpoint, outside, log)
            yield
        finally:
            _take_down(server, mountpoint)


def _wait_for(server, mountpoint, outside, log):
    end = time.monotonic() + PATIENCE
    while mountpoint.stat().st_dev == outside:
        if server.poll() is not None or time.monotonic() > end:
            said = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise variants.Failure(f"{' '.join(server.args)}: does not mount: {said[0]}")
        time.sleep(0.005)


def _take_down(server, mountpoint):
    # Lazily: what still runs there must not make it stay.
    subprocess.run(["umount", "--lazy", str(mountpoint)], capture_output=True, check=False)
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            server.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(PATIENCE)
            return


@contextlib.contextmanager
def rings_offered():
    """The kernel offers FUSE over io_uring for as long as the block lasts, where we may switch it on."""
    try:
        before = RINGS.read_text().strip()
    except OSError:
        yield False
        return
    if before == "Y":
        yield True
        return
    try:
        RINGS.write_text("Y")
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        RINGS.write_text(before)

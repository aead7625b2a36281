"""A mirror of a folder, over any transport: for the tests that have several, one after the other."""

import contextlib
import os
import pathlib
import subprocess
import sys

import boxed

SWITCH = pathlib.Path("/sys/module/fuse/parameters/enable_uring")
TRANSPORTS = ("io-uring", "dev-fuse", "single")


def offered():
    """The transports that this kernel has."""
    return [transport for transport in TRANSPORTS if transport != "io-uring" or SWITCH.exists()]


@contextlib.contextmanager
def rings_for(transport):
    """FUSE over io_uring switched on while a mount begins, where that is asked for; the kernel looks at it then."""
    if transport != "io-uring":
        yield
        return
    before = SWITCH.read_text()
    SWITCH.write_text("Y")
    try:
        yield
    finally:
        SWITCH.write_text(before)


def start_mirror(transport, source, point, environment=None, descriptors=None, changes=None, **more):
    """Starts a mirror, and waits until it answers.  `descriptors`: as many it may have open; `changes`: they go there."""
    limit = ("prlimit", f"--nofile={descriptors}:{descriptors}") if descriptors else ()
    with rings_for(transport):
        kept = ("--changes", changes) if changes else ()
        process = subprocess.Popen([*limit, boxed.BINARY, "mirror", "--transport", transport, *kept, source, point],
                                   env=environment, stdin=subprocess.DEVNULL, **more)
        if boxed.wait_until(lambda: os.path.ismount(point) or process.poll() is not None, 20) is None:
            process.kill()
        if process.poll() is None:
            os.stat(point)  # INIT is over
    return process


def in_own_mount_namespace():
    """Goes on in one, so that nobody else's clone of the mount table holds a mount of ours: it would live on."""
    if os.environ.get("FUSEBOX_OWN_MOUNTS") or boxed.missing_ground():
        return
    os.environ["FUSEBOX_OWN_MOUNTS"] = "1"
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv])

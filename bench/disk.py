"""A file system of its own to measure on: a fresh ext4 in an image file, in a mount namespace of ours.

Figures then do not depend on what the machine's disk holds or how it was made. (An ext4
without a journal took 20 times longer to unpack 15,000 files right after as many were removed; docs/performance.md.)
"""

import contextlib
import ctypes
import os
import pathlib
import subprocess
import tempfile

CLONE_NEWNS = 0x20000
IMAGE_BYTES = 4 << 30  # sparse


def _call(*command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise OSError((result.stderr.strip().splitlines() or [f"{command[0]} failed"])[-1])


def _mount_fresh(directory):
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise OSError(os.strerror(ctypes.get_errno()))
    _call("mount", "--make-rprivate", "/")
    image = directory.with_suffix(".image")
    try:
        with open(image, "xb") as file:
            file.truncate(IMAGE_BYTES)
        _call("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
        _call("mount", "-o", "loop", str(image), str(directory))
    finally:
        image.unlink(missing_ok=True)  # the mount holds it, and lets it go with our namespace, however we end


@contextlib.contextmanager
def scratch_disk(base):
    """Gives a directory below `base`, and what file system it is on, for people; removes it at the end."""
    # Not below /tmp, which a box may have for itself alone.
    with tempfile.TemporaryDirectory(prefix="fusebox-bench.", dir=base, ignore_cleanup_errors=True) as directory:
        path = pathlib.Path(directory) / "disk"
        path.mkdir()
        try:
            _mount_fresh(path)
        except OSError as error:
            kind = subprocess.run(["stat", "-f", "-c", "%T", base], capture_output=True, text=True, check=False).stdout
            yield path, f"{kind.strip()} of the machine (no fresh one: {error})"
            return
        try:
            yield path, "a fresh ext4 in an image file"
        finally:
            _call("umount", "--lazy", str(path))

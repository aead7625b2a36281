"""Boxes made by the kernel's own overlayfs, or by hand: what the commands that review a box are tried on.

The upper layer of a box has the root for its top, and so has the mount: what a test changes lies below its scratch folder."""

import contextlib
import json
import os
import pathlib
import shutil
import stat
import subprocess
import time
import unittest

import boxed

BOXES = pathlib.Path("/var/lib/fusebox/boxes")
MARKS = ("trusted.overlay.", "trusted.fusebox.", "user.overlay.", "user.fusebox.")


def missing_overlayfs():
    if os.geteuid() != 0:
        return "needs root"
    if "overlay" not in pathlib.Path("/proc/filesystems").read_text():
        return "needs overlayfs in the kernel"
    return None


def make_box(name, xattrs="trusted"):
    for folder in ("upper", "work"):
        (BOXES / name / folder).mkdir(parents=True)
    (BOXES / name / "lock").touch()
    description = {"version": 1, "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "xattrs": xattrs,
                   "command": ["make", "install"]}
    (BOXES / name / "box.json").write_text(json.dumps(description))


def copy_attributes_of_folders(lowest, upper):
    """As a copy-up would leave them, for uppers made by hand."""
    for folder in [lowest, *lowest.parents]:
        if folder == upper:
            break
        original = "/" / folder.relative_to(upper)
        if original.exists():
            shutil.copystat(original, folder)


def tree_of(top, folder_times=True):
    """As boxed.tree_of, with devices, the times of symlinks, and without the marks of overlayfs."""
    found = boxed.tree_of(top, folder_times)
    for name, entry in found.items():
        status = os.lstat(os.path.join(top, name))
        if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            entry["device"] = (os.major(status.st_rdev), os.minor(status.st_rdev))
        if not stat.S_ISDIR(status.st_mode):
            entry["mtime"] = status.st_mtime_ns
        if isinstance(entry["xattrs"], dict):
            entry["xattrs"] = {key: value for key, value in entry["xattrs"].items() if not key.startswith(MARKS)}
    return found


class BoxCase(boxed.Case):
    """A test with a folder `self.host` that is the host's, and a box `self.box` over all of the machine."""

    needs_a_box = False

    def setUp(self):
        if reason := missing_overlayfs():
            self.skipTest(reason)
        super().setUp()
        self.host = self.top / "host"
        self.host.mkdir()
        self.merged = self.top / "merged"
        self.merged.mkdir()
        self.inside = self.merged / self.host.relative_to("/")
        self.box = self.top.name
        self.box_dir = BOXES / self.box
        self.upper = self.box_dir / "upper"
        self.upper_host = self.upper / self.host.relative_to("/")
        self.addCleanup(shutil.rmtree, self.box_dir, ignore_errors=True)

    def make_box(self, xattrs="trusted"):
        """Call it after the host's folder is made: what changes later, changes behind the box's back."""
        make_box(self.box, xattrs)

    @contextlib.contextmanager
    def mounted(self, options="redirect_dir=on,index=on,metacopy=off"):
        """The merged tree, as a program in the box sees it."""
        layers = f"lowerdir=/,upperdir={self.upper},workdir={self.box_dir}/work,{options}"
        done = subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, self.merged], capture_output=True, text=True)
        if done.returncode != 0:
            raise unittest.SkipTest(f"cannot mount overlayfs here: {done.stderr.strip()}")
        try:
            yield self.inside
        finally:
            subprocess.run(["umount", self.merged], check=True)

    def change(self, script, **options):
        """Runs a script in the box, in its view of the host's folder; gives what that looks like then."""
        if not self.box_dir.exists():
            self.make_box()
        with self.mounted(**options) as inside:
            done = subprocess.run(["bash", "-euc", script], cwd=inside, capture_output=True, text=True,
                                  env={**self.environment, "TOP": str(self.host)})
            self.assertEqual(done.returncode, 0, done.stderr)
            return tree_of(inside)

    def make_host(self, script):
        done = subprocess.run(["bash", "-euc", script], cwd=self.host, capture_output=True, text=True, env=self.environment)
        self.assertEqual(done.returncode, 0, done.stderr)

    def diff(self, *arguments):
        """The lines of `fusebox diff`, with the host's folder as "."."""
        done = self.fusebox("diff", self.box, *arguments)
        self.assertEnded(done)
        return done.stdout.replace(f"{self.host}/", "./").splitlines()

    def apply(self, *arguments, status=0):
        done = self.fusebox("apply", self.box, *arguments)
        self.assertEnded(done, status)
        return done

    def assertApplied(self, expected, *arguments):
        """The host is as the box was, and the box has nothing left."""
        self.apply(*arguments)
        self.assertSameTree(tree_of(self.host), expected)
        self.assertEqual(self.diff(), [])
        self.assertEqual(self.left_in_upper(), [])

    def assertSameTree(self, found, expected):
        self.maxDiff = 3000
        self.assertEqual(sorted(found), sorted(expected))
        for name, entry in expected.items():
            self.assertEqual(found[name], entry, name)

    def left_in_upper(self):
        return sorted(str(path.relative_to(self.upper_host)) for path in self.upper_host.rglob("*"))

    def copy_attributes_of_folders(self):
        copy_attributes_of_folders(self.upper_host, self.upper)

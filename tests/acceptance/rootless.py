"""What the tests of boxes without root have in common.

The tests run as root, which becomes nobody for each box; /dev/fuse may be opened by everybody, as on most distributions,
and /etc/subuid and /etc/subgid say what a test needs, in the mount namespace of the tests alone.
"""

import json
import os
import pathlib
import shutil
import subprocess

import boxed

UID = boxed.NOBODY
BECOME_NOBODY = ("setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--inh-caps", "-all")
FOR_GOOD = ("--bounding-set", "-all")  # as nobody, and without a way to gain rights


def missing_ground():
    """Why a user without rights can have no box here, or None."""
    if shutil.which("setpriv") is None:
        return "not installed: setpriv"
    done = subprocess.run([*BECOME_NOBODY, "unshare", "--user", "--mount", "true"], capture_output=True, text=True)
    return None if done.returncode == 0 else f"needs user namespaces: {done.stderr.strip()}"


def let_everybody_open_fuse(directory):
    """Puts a node that everybody may open over /dev/fuse, in this mount namespace."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", directory], check=True)
    node = f"{directory}/fuse"
    os.mknod(node, 0o020666, os.stat("/dev/fuse").st_rdev)
    os.chmod(node, 0o666)
    subprocess.run(["mount", "--bind", node, "/dev/fuse"], check=True)
    subprocess.run(["umount", "-l", directory], check=True)


class Case(boxed.Case):
    """Boxes of nobody: `become` is how root becomes him."""

    become = BECOME_NOBODY

    def setUp(self):
        if reason := boxed.missing_ground() or missing_ground():
            self.skipTest(reason)
        super().setUp()
        # Nobody may not reach the build directory of just anybody.
        self.program = self.top / "bin"
        self.program.mkdir()
        shutil.copy(boxed.BINARY, self.program / "fusebox")
        self.device = self.top / "device"
        self.device.mkdir()
        let_everybody_open_fuse(self.device)
        self.addCleanup(subprocess.run, ["umount", "/dev/fuse"], check=True)
        self.top.chmod(0o755)
        for directory in (self.dir, self.home):
            os.chown(directory, UID, UID)
        self.logs = self.top / "logs"
        self.logs.mkdir()
        os.chown(self.logs, UID, UID)

    def box_arguments(self, *options, log=None):
        arguments = super().box_arguments(*options, log=log or self.logs / "audit.jsonl")
        return [*self.become, str(self.program / "fusebox"), *arguments[1:]]

    def as_nobody(self, *command, **more):
        return self.run_outside(*self.become, *command, **more)

    def findings(self, **more):
        """What `fusebox doctor` tells nobody, by name."""
        done = self.as_nobody(self.program / "fusebox", "doctor", "--json", **more)
        self.assertEqual(done.returncode, 0, done.stdout)
        return {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}


FIRST = 300000  # of the subordinate ids that nobody has in these tests
COUNT = 1000


class CaseOfSeveralIds(Case):
    """Boxes of nobody as their root, who knows further users."""

    def setUp(self):
        if absent := [name for name in ("newuidmap", "newgidmap") if shutil.which(name) is None]:
            self.skipTest(f"not installed: {', '.join(absent)}")
        super().setUp()
        self.give(f"nobody:{FIRST}:{COUNT}\n")
        if reason := self.refusal_to_map():
            self.skipTest(f"newuidmap: {reason}")

    @staticmethod
    def refusal_to_map():
        """Why newuidmap maps no subordinate ids here (a container that does not know them, perhaps), or None."""
        waiting = [*BECOME_NOBODY, "unshare", "--user", "sh", "-c", "echo; read end"]
        with subprocess.Popen(waiting, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            process.stdout.readline()
            done = subprocess.run([*BECOME_NOBODY, "newuidmap", str(process.pid), "0", str(FIRST), "1"],
                                  capture_output=True, text=True)
            process.stdin.close()
        return None if done.returncode == 0 else done.stderr.strip()

    def give(self, users, groups=None):
        """Lets /etc/subuid and /etc/subgid say this, in this mount namespace, until the test ends."""
        for name, text in (("subuid", users), ("subgid", users if groups is None else groups)):
            path = self.top / name
            if not path.exists():
                self.put_over(path, pathlib.Path("/etc") / name)
            path.write_text(text)

    def put_over(self, path, place):
        if not place.exists():
            place.touch()
            self.addCleanup(place.unlink)
        path.touch()
        subprocess.run(["mount", "--bind", path, place], check=True)
        self.addCleanup(subprocess.run, ["umount", place], check=True)

    def run_as_root(self, script, options=(), **more):
        return self.run_box("sh", "-c", f"{AS_FUNCTION}\n{script}", options=("--map-root", *options), **more)


# as UID COMMAND...: as a user of the box, with his group alone.
AS_FUNCTION = 'as() { id=$1; shift; setpriv --reuid "$id" --regid "$id" --clear-groups "$@"; }'

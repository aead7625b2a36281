"""Device nodes: those of the host in the box's /dev and on its standard descriptors, and overlayfs's whiteouts."""

import os
import pathlib
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "acceptance"))
import boxed  # noqa: E402

SANDBOX = pathlib.Path(boxed.BINARY).resolve().parent / "sandbox"

# attempt(what, *arguments) prints the name of the error, or "done".
ATTEMPT = """
import errno, os, stat, struct, sys
def attempt(what, *arguments, **more):
    try:
        what(*arguments, **more)
        print('done')
    except OSError as error:
        print(errno.errorcode[error.errno])
def node(path, major, minor, kind=stat.S_IFCHR):
    os.mknod(path, kind | 0o666, os.makedev(major, minor))
"""

# Each leaves things as they are, where it works: the machine's own nodes are tried.  The list of access is the mode.
CHANGES = """
def changes(path):
    status = os.stat(path)
    entries = [(tag, status.st_mode >> shift & 7, 0xFFFFFFFF) for tag, shift in ((1, 6), (4, 3), (32, 0))]
    acl = struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *entry) for entry in entries)
    attempt(os.chmod, path, stat.S_IMODE(status.st_mode))
    attempt(os.chown, path, status.st_uid, status.st_gid)
    attempt(os.utime, path, ns=(status.st_atime_ns, status.st_mtime_ns))
    attempt(os.setxattr, path, 'system.posix_acl_access', acl)
"""


class Case(boxed.Case):
    def python(self, script, *options, **more):
        """The lines that a script prints in a box."""
        ended = self.run_box("python3", "-c", ATTEMPT + CHANGES + script,
                             options=options, **more)
        self.assertEqual(ended.status, 0, ended)
        return ended.out.splitlines()

    def natively(self, script):
        done = self.run_outside("python3", "-c", ATTEMPT + CHANGES + script)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()


class AWhiteout(Case):
    """A character device 0/0 says that a file was removed; who could make one would say so of any name."""

    def test_it_cannot_be_made_in_a_box(self):
        self.assertEqual(self.python("attempt(node, 'n', 0, 0)", "--cow"), ["EPERM"])

    def test_it_cannot_be_made_in_a_mirror_with_changes_aside(self):
        changes, point = self.top / "changes", self.top / "point"
        for path in (changes, point):
            path.mkdir()
        with subprocess.Popen([boxed.BINARY, "mirror", self.dir, point, "--changes", changes], env=self.environment) as mirror:
            try:
                self.assertIsNotNone(boxed.wait_until(lambda: os.path.ismount(point), 10))
                script = f"os.chdir('{point}'); attempt(node, 'n', 0, 0); node('c', 1, 3); print(*os.listdir('.'))"
                self.assertEqual(self.natively(script), ["EPERM", "c"])
            finally:
                subprocess.run(["umount", "-l", point], check=True)
                mirror.wait(10)
        self.assertEqual(os.listdir(changes / "upper"), ["c"])

    def test_it_is_neither_moved_nor_linked_nor_copied_into_place(self):
        """One that lies on the host is a file like others, and stays one."""
        os.mknod(self.dir / "hosts", stat.S_IFCHR | 0o600, os.makedev(0, 0))
        script = ("attempt(os.rename, 'hosts', 'moved'); attempt(os.link, 'hosts', 'linked'); attempt(os.chmod, 'hosts', 0o644)\n"
                  "print(*os.listdir('.'))")
        self.assertEqual(self.python(script, "--cow"), ["EPERM", "EPERM", "EPERM", "hosts"])


class TheHostsOwnDevices(Case):
    """As root, a box must not change them, and need not for using them."""

    DEVICES = "null zero full random urandom tty"

    def test_mode_owner_times_and_attributes_stay(self):
        for options in (("--cow",), ("--write", self.dir)):
            lines = self.python(f"for name in '{self.DEVICES}'.split(): changes('/dev/' + name)", *options)
            self.assertEqual(lines, ["EROFS"] * 24)
        self.assertEqual(self.natively("changes('/dev/null')"), ["done"] * 4)

    def test_what_hides_files_of_proc_is_no_way_to_them(self):
        script = ("path = next(p for p in ('/proc/kallsyms', '/proc/keys', '/proc/kmsg') if os.path.exists(p))\n"
                  "print(stat.S_ISCHR(os.stat(path).st_mode)); changes(path)")
        self.assertEqual(self.python(script, "--cow"), ["True"] + ["EROFS"] * 4)

    def test_standard_descriptors_are_no_way_to_them(self):
        script = "for fd in range(3): os.set_inheritable(fd, True)\nsys.stdout = open('said', 'w')\nfor fd in (0, 1, 2): changes(fd)"
        devices = {"null": os.O_RDWR, "zero": os.O_RDONLY, "full": os.O_WRONLY, "urandom": os.O_RDWR}
        for name, flags in devices.items():
            device = os.open(f"/dev/{name}", flags)
            try:
                done = subprocess.run([*self.box_arguments("-q"), "python3", "-c", ATTEMPT + CHANGES + script], cwd=self.dir,
                                      env=self.environment, stdin=device, stdout=device, stderr=device, timeout=60)
            finally:
                os.close(device)
            self.assertEqual((self.dir / "said").read_text().split(), ["EROFS"] * 12, name)

    def test_descriptors_that_a_sandbox_hands_on_are_no_way_to_them(self):
        device = os.open("/dev/null", os.O_RDWR)
        self.addCleanup(os.close, device)
        done = self.run_outside(SANDBOX, "python3", "-c", ATTEMPT + CHANGES + f"changes({device})", pass_fds=(device,),
                                env={"NOCOLOR": "1"})
        self.assertEqual(done.stdout.split(), ["EROFS"] * 4, done.stderr)

    def test_the_terminal_stays_closed_to_others(self):
        ours, theirs = os.openpty()
        self.addCleanup(os.close, ours)
        self.addCleanup(os.close, theirs)
        os.fchmod(theirs, 0o600)
        script = ("for place in (0, '/dev/console', '/proc/self/fd/0'): attempt(os.chmod, place, 0o666)\n"
                  "print(os.ttyname(0), os.isatty(0))")
        self.assertEqual(self.python(script, "--cow", stdin=theirs), ["EROFS"] * 3 + ["/dev/console True"])
        self.assertEqual(stat.S_IMODE(os.fstat(theirs).st_mode), 0o600)

    def test_they_are_of_use_as_before(self):
        ended = self.run_box("sh", "-c", "echo x > /dev/null; echo y >> /dev/null; head -c 2 /dev/zero | od -An -tx1;"
                             "head -c 9 /dev/urandom | wc -c; echo full > /dev/full || echo no; exec cat < /dev/stdin")
        self.assertEqual(ended.out.split(), ["00", "00", "9", "no"], ended)


if __name__ == "__main__":
    boxed.main()

"""The same programs, natively, in a box and on a mirror: what POSIX promises holds in each.

The cases are in the *_test.cc beside this file; they test the folder in which they are run.
"""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "acceptance"))
import boxed  # noqa: E402


class Posix(boxed.Case):
    def setUp(self):
        super().setUp()
        # Where other users and the box see it.
        self.top.chmod(0o755)
        self.program = shutil.copy(boxed.helper("posix_tests"), self.top / "posix_tests")

    def check(self, status, out, err):
        """Prints what failed and what was skipped; the same has to be skipped everywhere."""
        failed = re.findall(r"(?ms)^\[ RUN[^\n]*\n(?:(?!^\[ RUN).)*?^\[  FAILED  \] [\w.]+", out)
        self.assertEqual(status, 0, "\n".join(failed) or out[-3000:] + err[-3000:])
        skipped = set(re.findall(r"(?m)^\[  SKIPPED \] ([\w.]+) \(", out))
        passed = len(re.findall(r"(?m)^\[       OK \]", out))
        print(f"{passed} cases hold, {len(skipped)} skipped: {', '.join(sorted(skipped)) or 'none'}")
        self.assertGreater(passed, 40)
        return skipped

    def natively(self):
        done = self.run_outside(self.program)
        return self.check(done.returncode, done.stdout, done.stderr)

    def in_box(self, *options):
        ended = self.run_box(self.program, options=("--violations", "report", *options), timeout=300)
        return self.check(ended.status, ended.out, ended.err)

    def test_it_holds_natively_and_in_a_box(self):
        self.assertEqual(self.in_box(), self.natively())

    def test_it_holds_in_a_box_that_is_coherent(self):
        self.in_box("--coherent")

    def test_it_holds_in_a_box_that_logs_each_transfer(self):
        self.in_box("--audit", "io")

    def test_it_holds_on_a_mirror(self):
        point = self.top / "point"
        point.mkdir()
        mirror = subprocess.Popen([boxed.BINARY, "mirror", self.dir, point], env=self.environment)
        self.addCleanup(mirror.wait)
        self.addCleanup(subprocess.run, ["umount", "-l", point], capture_output=True)
        self.assertIsNotNone(boxed.wait_until(lambda: os.path.ismount(point), 10))
        done = self.run_outside(self.program, cwd=point, timeout=300)
        self.check(done.returncode, done.stdout, done.stderr)

    def test_it_holds_on_a_file_system_of_memory(self):
        before = f'mount -t tmpfs none {self.dir} && cd {self.dir} && exec "$@"'
        prefix = ("unshare", "-m", "--propagation", "private", "sh", "-ec", before, "sh")
        native = self.run_outside(*prefix, self.program)
        names = set(re.findall(r"(?m)^\[  FAILED  \] ([\w.]+)$", native.stdout))
        ended = self.run_box(self.program, prefix=prefix, timeout=300)
        self.assertEqual(set(re.findall(r"(?m)^\[  FAILED  \] ([\w.]+)$", ended.out)) - names, set(), ended.out[-6000:])
        self.assertIn("test suites ran", ended.out, ended)


class FullDisk(boxed.Case):
    SCRIPT = r"""
import errno, os
def attempt(*steps):
    try:
        for step in steps: step()
    except OSError as error:
        return errno.errorcode[error.errno]
fd = os.open("file", os.O_CREAT | os.O_RDWR)
def fill():
    for _ in range(3000): os.write(fd, b"x" * 1024)
print(attempt(fill, lambda: os.fsync(fd), lambda: os.close(fd)))
print(os.stat("file").st_size <= 1 << 20)
print(attempt(lambda: os.posix_fallocate(fd, 0, 4 << 20)))
os.close(fd)
os.unlink("file")
open("file", "w").write("again")
print(open("file").read())
"""

    def test_a_full_file_system_says_so_and_goes_on_when_there_is_room(self):
        prefix = ("unshare", "-m", "--propagation", "private", "sh", "-ec",
                  f'mount -t tmpfs -o size=1m none {self.dir} && cd {self.dir} && exec "$@"', "sh")
        native = self.run_outside(*prefix, "python3", "-c", self.SCRIPT)
        self.assertEqual(native.stdout, "ENOSPC\nTrue\nENOSPC\nagain\n", native.stderr)
        ended = self.run_box("python3", "-c", self.SCRIPT, prefix=prefix)
        self.assertEqual(ended.out, native.stdout, ended)


if __name__ == "__main__":
    boxed.main()

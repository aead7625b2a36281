"""What the tests that run Fusebox as a user does have in common: boxes, their logs, and the promise to leave nothing.

FUSEBOX_BINARY names the program under test, FUSEBOX_TEST_PROGRAMS the folder of the helper programs that the build made;
CMake sets both.  FUSEBOX_SCRATCH names the folder for scratch trees: on a real disk, and not below /tmp, where a box would
have no /tmp of its own.
"""

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

BINARY = os.environ.get("FUSEBOX_BINARY", "build/release/fusebox")
PROGRAMS = pathlib.Path(os.environ.get("FUSEBOX_TEST_PROGRAMS", "build/release/tests"))
SCRATCH = os.environ.get("FUSEBOX_SCRATCH", "/var/tmp")
PATIENCE = 120  # seconds for any one box; far above what each needs
UNDER_STRACE = {"ASAN_OPTIONS": "detect_leaks=0"}  # environment: to look for leaks does not work under ptrace

SKIPPED_BY_CTEST = 77

NOBODY = 65534


def missing_ground():
    """Why no box can run here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"needs /dev/fuse: {error.strerror}"
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        return "needs the right to make mount namespaces"
    return None


def needs(*programs):
    """Skips a test where a program it drives is not there."""
    absent = [name for name in programs if shutil.which(name) is None]
    return unittest.skipIf(absent, f"not installed: {', '.join(absent)}")


def without_scripts():
    """Why no script in Ruby can run here, or None."""
    done = subprocess.run([BINARY, "script", "/dev/null"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return "this fusebox was built without scripting" if "without scripting" in done.stderr else None


def sanitized():
    """Whether the program under test was built with a sanitizer: those keep what was freed, to see it used."""
    program = pathlib.Path(BINARY).read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


def helper(name):
    """A helper program that the build made."""
    path = PROGRAMS / name
    if not path.exists():
        raise unittest.SkipTest(f"{path} is not built")
    return str(path)


class Ended:
    """How a box ended, and what it said."""

    def __init__(self, status, out, err, log_path):
        self.status = status
        self.out = out
        self.err = err
        self.log_path = log_path

    @property
    def events(self):
        return read_log(self.log_path)

    @property
    def violations(self):
        return [event for event in self.events if event["verdict"] == "deny"]

    @property
    def messages(self):
        """The lines on stderr that are Fusebox's own, without the summary's body."""
        return [line for line in self.err.splitlines() if line.startswith("fusebox: ")]

    def __str__(self):
        return f"status {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def read_log(path):
    """The events of a log.  Fails where a line is not whole."""
    text = pathlib.Path(path).read_bytes()
    if text and not text.endswith(b"\n"):
        raise AssertionError(f"the log's last line is not whole: {text[-200:]!r}")
    return [json.loads(line) for line in text.decode().splitlines()]


def mount_table():
    return pathlib.Path("/proc/self/mountinfo").read_text().splitlines()


def fuse_connections():
    """Live connections of all of the machine, by number; empty where fusectl is not mounted."""
    with contextlib.suppress(OSError):
        return set(os.listdir("/sys/fs/fuse/connections"))
    return set()


def processes_with(marker):
    """Processes that carry FUSEBOX_TEST_RUN=marker in their environment, and so belong to this test."""
    wanted = f"FUSEBOX_TEST_RUN={marker}".encode()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0") and not is_zombie(entry):
                found.append(int(entry.name))
    return found


def is_zombie(entry):
    with contextlib.suppress(OSError):
        return (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def wait_until(condition, seconds):
    """How long it took until `condition` held, or None."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if condition():
            return time.monotonic() - start
        time.sleep(0.01)
    return None


class Case(unittest.TestCase):
    """A test with a scratch folder `self.dir`, which is the working directory of its boxes, and `self.outside`, which
    no box may write.  Fails if a mount or a process is left behind."""

    needs_a_box = True

    def setUp(self):
        if self.needs_a_box and (reason := missing_ground()):
            self.skipTest(reason)
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="fusebox-test-", dir=SCRATCH))
        self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)
        self.dir = self.top / "work"
        self.outside = self.top / "outside"
        self.dir.mkdir()
        self.outside.mkdir()
        self.home = self.top / "home"
        self.home.mkdir()
        self.marker = self.top.name
        # The directories of PATH that belong to the system; a developer's own would only make logs long.
        self.environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "FUSEBOX_TEST_RUN": self.marker,
        }
        self._mounts_before = mount_table()
        self.addCleanup(self._check_nothing_is_left)

    def _check_nothing_is_left(self):
        wait_until(lambda: not processes_with(self.marker), 5)
        self.assertEqual(processes_with(self.marker), [], "processes are left")
        ours = [line for line in mount_table() if line not in self._mounts_before and self.marker in line]
        self.assertEqual(ours, [], "mounts are left")

    def box_arguments(self, *options, log=None):
        self.log_path = str(log or self.top / "audit.jsonl")
        return [BINARY, "run", "--log", self.log_path, *map(str, options)]

    def run_box(self, *command, options=(), env=None, cwd=None, text=True, timeout=PATIENCE, prefix=(), log=None, **more):
        """Runs `command` in a box and waits.  `prefix` goes before the supervisor itself."""
        arguments = [*prefix, *self.box_arguments(*options, log=log), "--", *map(str, command)]
        done = subprocess.run(
            arguments,
            cwd=cwd or self.dir,
            env={**self.environment, **(env or {})},
            stdin=more.pop("stdin", subprocess.DEVNULL),
            capture_output=True,
            text=text,
            timeout=timeout,
            **more,
        )
        return Ended(done.returncode, done.stdout, done.stderr, self.log_path)

    def start_box(self, *command, options=(), **more):
        """Starts a box and does not wait; it is killed at the end of the test if it still lives."""
        process = subprocess.Popen(
            [*self.box_arguments(*options), "--", *map(str, command)],
            cwd=self.dir,
            env=self.environment,
            stdin=more.pop("stdin", subprocess.DEVNULL),
            stdout=more.pop("stdout", subprocess.PIPE),
            stderr=more.pop("stderr", subprocess.PIPE),
            text=True,
            **more,
        )
        self.addCleanup(self._end, process)
        return process

    @staticmethod
    def _end(process):
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        with contextlib.suppress(ValueError, subprocess.TimeoutExpired):
            process.communicate(timeout=20)

    def run_outside(self, *command, cwd=None, env=None, timeout=PATIENCE, **more):
        return subprocess.run(
            list(map(str, command)),
            cwd=cwd or self.dir,
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            **more,
        )

    def fusebox(self, *arguments, **more):
        return self.run_outside(BINARY, *arguments, **more)

    def assertEnded(self, ended, status=0):
        self.assertEqual(ended.status if isinstance(ended, Ended) else ended.returncode, status, str(ended))

    def assertOneLine(self, stderr, *parts):
        """One line in the form of the house, with each of `parts` in it."""
        lines = stderr.splitlines()
        self.assertEqual(len(lines), 1, stderr)
        self.assertRegex(lines[0], r"^fusebox: [^:]+")
        for part in parts:
            self.assertRegex(lines[0], part)

    def write(self, path, text="text\n", mode=None):
        path = self.top / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if mode is not None:
            path.chmod(mode)
        return path


def tree_of(top, folder_times=False):
    """What is below `top`: for each relative name its type, mode, owner, content, links and extended attributes."""
    found = {}
    first_name = {}
    for folder, folders, files in os.walk(top):
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, top)
            status = os.lstat(path)
            kind = stat.S_IFMT(status.st_mode)
            entry = {
                "mode": oct(status.st_mode),
                "owner": (status.st_uid, status.st_gid),
                "xattrs": xattrs_of(path),
            }
            if kind == stat.S_IFLNK:
                entry["target"] = os.readlink(path)
            elif kind == stat.S_IFREG:
                entry["size"] = status.st_size
                entry["content"] = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
                # Hard links by the name that comes first, since inode numbers differ between two trees.
                first = first_name.setdefault((status.st_dev, status.st_ino), relative)
                entry["same file as"] = first if status.st_nlink > 1 else None
            if kind == stat.S_IFREG or (folder_times and kind == stat.S_IFDIR):
                entry["mtime"] = status.st_mtime_ns
            found[relative] = entry
    return dict(sorted(found.items()))


def xattrs_of(path):
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in names}
    except OSError as error:
        return errno.errorcode[error.errno]


def sentence(name):
    """test_a_box_ends_with_its_command -> a box ends with its command"""
    return re.sub(r"^test_", "", name).replace("_", " ")


class SentenceResult(unittest.TextTestResult):
    def getDescription(self, test):
        return sentence(test._testMethodName) if hasattr(test, "_testMethodName") else str(test)


def tests_of(entries):
    """Of (test, text): a test that has parts (subTest) once."""
    return {getattr(test, "test_case", test).id() for test, _ in entries}


def main():
    """Runs the tests of the calling file.  Ends with a line of counts; exit status 77 where all were skipped."""
    if not os.access(BINARY, os.X_OK):
        sys.exit(f"no program under test: {BINARY} (set FUSEBOX_BINARY)")
    runner = unittest.TextTestRunner(resultclass=SentenceResult, verbosity=2, stream=sys.stdout)
    result = unittest.main(module="__main__", testRunner=runner, exit=False).result
    failing = tests_of([*result.failures, *result.errors]) | {test.id() for test in result.unexpectedSuccesses}
    failed = len(failing)
    skipped = len(tests_of(result.skipped) - failing)
    expected = len(result.expectedFailures)
    for test, reason in result.skipped:
        print(f"skipped: {result.getDescription(test)}: {reason}")
    passed = result.testsRun - failed - skipped - expected
    print(f"{result.testsRun} tests: {passed} passed, {failed} failed, {skipped} skipped, {expected} known not to work yet")
    if failed:
        sys.exit(1)
    sys.exit(SKIPPED_BY_CTEST if skipped and skipped == result.testsRun else 0)

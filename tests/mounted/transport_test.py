"""Each way in which requests can come from the kernel serves the same, and ends as cleanly."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "acceptance"))
import boxed  # noqa: E402

SWITCH = pathlib.Path("/sys/module/fuse/parameters/enable_uring")
TRANSPORTS = ("io-uring", "dev-fuse", "single")


@contextlib.contextmanager
def rings(state):
    """FUSE over io_uring switched on or off for a moment: the kernel looks at this when a mount begins."""
    before = SWITCH.read_text()
    SWITCH.write_text(state)
    try:
        yield
    finally:
        SWITCH.write_text(before)


class Transport(boxed.Case):
    def setUp(self):
        super().setUp()
        self.point = self.top / "point"
        self.point.mkdir()
        self.top.chmod(0o755)

    def over_each(self, check):
        """Calls check(transport) for those that this kernel has; says which it has not."""
        for transport in TRANSPORTS:
            if transport == "io-uring" and not SWITCH.exists():
                print("io-uring left out: not in this kernel (6.14, CONFIG_FUSE_IO_URING)", flush=True)
                continue
            with self.subTest(transport):
                check(transport)

    def mirror(self, transport, source, point):
        with rings("Y") if transport == "io-uring" else contextlib.nullcontext():
            process = subprocess.Popen([boxed.BINARY, "mirror", "--transport", transport, source, point],
                                       env=self.environment, stdin=subprocess.DEVNULL)
            self.addCleanup(process.wait, 20)
            self.addCleanup(subprocess.run, ["umount", "-l", point], capture_output=True)
            self.assertIsNotNone(boxed.wait_until(lambda: os.path.ismount(point), 10))
            os.stat(point)  # INIT is over
        return process

    def test_posix_holds_over_each(self):
        program = shutil.copy(boxed.helper("posix_tests"), self.top / "posix_tests")
        def check(transport):
            process = self.mirror(transport, self.dir, self.point)
            done = self.run_outside(program, cwd=self.point, timeout=300)
            self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr[-2000:])
            passed = len(re.findall(r"(?m)^\[       OK \]", done.stdout))
            print(f"{transport}: {passed} cases hold", flush=True)
            self.assertGreater(passed, 40)
            process.terminate()
            self.assertEqual(process.wait(10), 0)

        self.over_each(check)

    def test_a_build_runs_over_each(self):
        self.write("work/hello.c", "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n")
        script = "gcc -O1 -o hello hello.c && ./hello && mkdir d && seq 2000 > d/many && cat d/many | md5sum && rm -r d hello"
        def check(transport):
            with rings("Y") if transport == "io-uring" else contextlib.nullcontext():
                ended = self.run_box("sh", "-c", script, options=("--transport", transport))
            self.assertEnded(ended)
            self.assertRegex(ended.out, r"^hello\n[0-9a-f]{32}")

        self.over_each(check)

    def test_a_request_that_blocks_holds_up_no_other_of_its_processor(self):
        self.write("work/behind/file")
        self.write("work/other")
        inner = self.top / "work/inner"
        inner.mkdir()
        def check(transport):
            slow = self.mirror("dev-fuse", self.dir / "behind", inner)
            process = self.mirror(transport, self.dir, self.point)
            slow.send_signal(signal.SIGSTOP)
            try:
                pinned = ("taskset", "-c", str(min(os.sched_getaffinity(0))))
                blocked = [subprocess.Popen([*pinned, "cat", self.point / f"inner/{name}"], stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL, env=self.environment)
                           for name in ("file", "missing", "missing too")]
                time.sleep(0.3)
                for _ in range(20):
                    done = self.run_outside(*pinned, "cat", self.point / "other", timeout=10)
                    self.assertEqual((done.returncode, done.stdout), (0, "text\n"))
                self.assertEqual([reader.poll() for reader in blocked], [None] * 3)
            finally:
                slow.send_signal(signal.SIGCONT)
            self.assertEqual([reader.wait(10) for reader in blocked], [0, 1, 1])
            process.terminate()
            self.assertEqual(process.wait(10), 0)
            slow.terminate()
            self.assertEqual(slow.wait(10), 0)

        self.over_each(check)

    def load(self, stop):
        """Uses the mirror until `stop`; how it fails meanwhile does not matter."""
        number = 0
        while not stop.is_set():
            number += 1
            with contextlib.suppress(OSError):
                path = self.point / f"file{threading.get_ident()}-{number % 50}"
                path.write_text("text")
                os.listdir(self.point)
                path.unlink()

    def under_load(self, transport, end):
        process = self.mirror(transport, self.dir, self.point)
        stop = threading.Event()
        threads = [threading.Thread(target=self.load, args=(stop,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        try:
            time.sleep(0.2)
            end(process)
            self.assertIsNotNone(process.wait(10))
        finally:
            stop.set()
            for thread in threads:
                thread.join(10)
            subprocess.run(["umount", "-l", self.point], capture_output=True)
        self.assertEqual([line for line in boxed.mount_table() if str(self.point) in line], [])
        return process.returncode

    def connection(self):
        device = os.stat(self.point).st_dev
        return pathlib.Path(f"/sys/fs/fuse/connections/{os.minor(device)}")

    def test_unmounting_under_load_ends_the_server(self):
        def check(transport):
            for _ in range(5):
                end = lambda process: subprocess.run(["umount", "-l", self.point], check=True)
                self.assertEqual(self.under_load(transport, end), 0)

        self.over_each(check)

    def test_aborting_the_connection_under_load_ends_the_server(self):
        mounted_here = not os.path.ismount("/sys/fs/fuse/connections")
        if mounted_here:
            subprocess.run(["mount", "-t", "fusectl", "none", "/sys/fs/fuse/connections"], check=True)
            self.addCleanup(subprocess.run, ["umount", "/sys/fs/fuse/connections"])
        def check(transport):
            for _ in range(5):
                self.under_load(transport, lambda process: (self.connection() / "abort").write_text("1"))

        self.over_each(check)

    def test_killing_the_server_under_load_ends_every_call(self):
        def check(transport):
            for _ in range(5):
                self.assertEqual(self.under_load(transport, lambda process: process.kill()), -signal.SIGKILL)

        self.over_each(check)

    def test_rings_that_are_asked_for_and_not_offered_are_an_error(self):
        if not SWITCH.exists():
            self.skipTest("no switch to turn off: not in this kernel")
        with rings("N"):
            done = self.fusebox("run", "--transport", "io-uring", "--", "true")
            self.assertEnded(done, 125)
            self.assertOneLine(done.stderr, "--transport io-uring", "fusebox doctor")
            self.assertEnded(self.run_box("true"))


if __name__ == "__main__":
    boxed.main()

"""Many files come and go through a mirror: what the server took for them it gives back.

FILES: how many (20000; a million is what it is about, and takes some ten minutes).
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "acceptance"))
import boxed  # noqa: E402
import serving  # noqa: E402

FILES = int(os.environ.get("FILES", "20000"))
DESCRIPTORS = 256
MOST_KEPT = 6_000 + FILES // 100  # KiB: what an allocator may keep

DROP_CACHES = pathlib.Path("/proc/sys/vm/drop_caches")


class ManyFiles(boxed.Case):
    def setUp(self):
        super().setUp()
        self.point = self.top / "point"
        self.point.mkdir()

    def memory(self, server):
        """What the server has for itself, in KiB."""
        for line in pathlib.Path(f"/proc/{server.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
        self.fail("no RssAnon")

    def descriptors(self, server):
        """Those of files: its queues grow with the number of requests that were held up at once, and stay."""
        opened = []
        for entry in pathlib.Path(f"/proc/{server.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                opened.append(os.readlink(entry))
        return len([path for path in opened if path != "/dev/fuse" and not path.startswith("anon_inode:")])

    def say(self, server, what, seconds=None):
        took = f" in {seconds:.1f} s" if seconds is not None else ""
        print(f"{what}{took}: {self.memory(server)} KiB, {self.descriptors(server)} descriptors", flush=True)

    def nodes(self, server):
        """Those that the kernel knows."""
        server.send_signal(signal.SIGUSR1)
        return json.loads(server.stderr.readline())["nodes"]

    def forgotten(self, server, before):
        """Has the kernel forget the files, and waits for the server to have heard it all."""
        DROP_CACHES.write_text("2")
        return boxed.wait_until(lambda: self.memory(server) <= before + MOST_KEPT, 20 + FILES / 20_000)

    def stage(self, name):
        start = time.monotonic()
        done = self.run_outside(boxed.helper("model_load"), "--many", name, "--mirror", self.point, "--count", FILES,
                                timeout=120 + FILES / 200)
        self.assertEqual(done.returncode, 0, done.stderr)
        return time.monotonic() - start

    @unittest.skipIf(boxed.sanitized(), "a sanitizer keeps what was freed")
    def test_what_many_files_took_is_given_back(self):
        server = serving.start_mirror("dev-fuse", self.dir, self.point, self.environment, DESCRIPTORS,
                                      stderr=subprocess.PIPE)
        try:
            # What is taken once, whatever the number of files.
            self.run_outside("sh", "-c", "for i in 1 2 3; do echo > f$i; cat f$i; rm f$i; done", cwd=self.point)
            before = self.memory(server)
            before_descriptors = self.descriptors(server)
            before_nodes = self.nodes(server)
            self.say(server, f"{FILES} files, at the start")
            for name in ("create", "stat", "rename", "remove"):
                seconds = self.stage(name)
                self.say(server, name, seconds)
                self.assertLessEqual(self.descriptors(server), DESCRIPTORS)
            self.forgotten(server, before)
            self.say(server, "forgotten")
            self.assertLessEqual(self.memory(server), before + MOST_KEPT)
            self.assertLessEqual(self.descriptors(server), before_descriptors + 4)
            self.assertIsNotNone(boxed.wait_until(lambda: self.nodes(server) <= before_nodes, 10), self.nodes(server))
        finally:
            server.terminate()
            ended = boxed.wait_until(lambda: server.poll() is not None, 30)
            server.kill()
            server.wait(20)
            subprocess.run(["umount", "-l", self.point], capture_output=True)
        self.assertIsNotNone(ended, "the server did not end")


if __name__ == "__main__":
    serving.in_own_mount_namespace()
    boxed.main()

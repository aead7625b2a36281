"""`fusebox apply` is killed at random points: each file is its old self or the new one, and a second apply ends it.

FUSEBOX_APPLY_KILLS says how often (10); FUSEBOX_APPLY_SEED repeats a run."""

import os
import random
import re
import shutil
import subprocess

import boxed
from boxes import BoxCase, tree_of
from review_test import BOX, HOST

KILLS = int(os.environ.get("FUSEBOX_APPLY_KILLS", "10"))
SEED = int(os.environ.get("FUSEBOX_APPLY_SEED", random.randrange(1 << 32)))

# What changes a file, the host's or the box's; the process dies just before, or just after, the n-th of one of them.
CALLS = ("renameat2 unlinkat mkdirat linkat symlinkat mknodat fsync fchownat chmod utimensat ioctl copy_file_range "
         "ftruncate setxattr removexattr openat").split()

MORE_HOST = """
mkdir -p many swap-a swap-b; echo a > swap-a/a; echo b > swap-b/b; for i in $(seq 30); do echo old $i > many/$i; done
"""
MORE_BOX = """
for i in $(seq 20); do echo new $i > many/$i; done; rm many/25; mv swap-a t; mv swap-b swap-a; mv t swap-b
mkdir -p hidden; rm -rf kept; mkdir kept; echo other > kept/other
"""


class ApplyKills(BoxCase):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.kept_host = self.top / "kept-host"
        self.kept_box = self.top / "kept-box"

    def copy(self, source, target):
        """With all that belongs to the files: marks and whiteouts too."""
        subprocess.run(["rm", "-rf", target], check=True)
        subprocess.run(["cp", "-a", "--sparse=always", source, target], check=True)

    def start_again(self):
        # The host first: a box is younger than the files that it took.
        self.copy(self.kept_host, self.host)
        self.copy(self.kept_box, self.box_dir)

    def count_calls(self):
        """How many of each call an apply makes."""
        trace = self.top / "trace"
        done = self.run_outside("strace", "-f", "-o", trace, "-e", f"trace={','.join(CALLS)}", boxed.BINARY, "apply", "--device-nodes", self.box,
                                env=boxed.UNDER_STRACE)
        self.assertEqual(done.returncode, 0, done.stderr)
        calls = re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE)
        return {call: calls.count(call) for call in CALLS if call in calls}

    def assertOldOrNew(self, old, new):
        found = tree_of(self.host)
        for name in sorted(set(old) | set(new) | set(found)):
            if ".fusebox-" in name:
                continue
            now = self.alone(found.get(name))
            before, after = self.alone(old.get(name)), self.alone(new.get(name))
            if now and before and after and now["mode"] == "folder" == before["mode"] == after["mode"]:
                continue
            # A directory that moves takes along what is in it, which is changed later.
            moved = self.alone(old.get(f"old/{name.removeprefix('new/')}")) if name.startswith("new/") else before
            self.assertIn(now, (before, after, moved), name)

    @staticmethod
    def alone(entry):
        """Without its other names, which come one after the other; folders change in several steps."""
        if entry is None:
            return None
        if entry["mode"].startswith("0o4"):
            return {"mode": "folder"}
        return {key: value for key, value in entry.items() if key != "same file as"}

    @boxed.needs("strace")
    def test_a_killed_apply_is_ended_by_the_next(self):
        print(f"{KILLS} kills, FUSEBOX_APPLY_SEED={SEED}", flush=True)
        self.make_host(HOST + MORE_HOST)
        old = tree_of(self.host)
        new = self.change(BOX + MORE_BOX)
        self.copy(self.host, self.kept_host)
        self.copy(self.box_dir, self.kept_box)
        self.start_again()
        counts = self.count_calls()
        self.assertSameTree(tree_of(self.host), new)
        killed = 0
        for number in range(KILLS):
            self.start_again()
            for _ in range(self.random.choice((1, 1, 2, 3))):  # some are killed again and again
                killed += self.apply_and_kill(counts)
                self.assertOldOrNew(old, new)
            with self.subTest(number=number):
                done = self.fusebox("apply", "--device-nodes", self.box)
                self.assertEqual((done.returncode, done.stderr), (0, ""), self.last)
                self.assertSameTree(tree_of(self.host), new)
                self.assertEqual(self.diff(), [], self.last)
                self.assertEqual(self.left_in_upper(), [], self.last)
        print(f"{killed} applies were killed, of calls {counts}", flush=True)
        self.assertGreater(killed, KILLS // 2)

    def apply_and_kill(self, counts):
        call = self.random.choices(list(counts), weights=list(counts.values()))[0]
        at = self.random.randint(1, counts[call])
        how = self.random.choice(("signal=KILL", "error=EINTR:signal=KILL"))
        self.last = f"inject={call}:{how}:when={at}"
        done = self.run_outside("strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", self.last,
                                boxed.BINARY, "apply", "--device-nodes", self.box, env=boxed.UNDER_STRACE)
        self.assertIn(done.returncode, (0, -9, 137), self.last + done.stderr)
        return done.returncode != 0


if __name__ == "__main__":
    boxed.main()

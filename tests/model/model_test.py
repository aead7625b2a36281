"""A mirror and a plain directory, to which the same happens at random and from several threads: they stay the same.

MODEL_SECONDS: how long over each transport (15); MODEL_SEED, MODEL_THREADS, MODEL_FORGET: as model_load has them;
MODEL_TRANSPORT: only this one; MODEL_CHANGES: as many seeds (1) of MODEL_OPERATIONS (3000) with changes kept aside; --native: two plain directories, which tests the model itself.  reduce.py cuts a failing run down.
"""

import os
import random
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "acceptance"))
import boxed  # noqa: E402
import serving  # noqa: E402

SECONDS = float(os.environ.get("MODEL_SECONDS", "15"))
SEED = int(os.environ.get("MODEL_SEED") or random.randrange(1 << 32))
FORGET_EVERY = os.environ.get("MODEL_FORGET", "2")  # seconds; 0: never, since that holds up all of the machine
THREADS = os.environ.get("MODEL_THREADS", "4")
OPERATIONS = int(os.environ.get("MODEL_OPERATIONS", "3000"))
ONLY_NATIVE = "--native" in sys.argv
FEW = 256  # descriptors: fewer than the files that are known; what is open in the load and the rings take up half of them


class Model(boxed.Case):
    def setUp(self):
        super().setUp()
        self.top.chmod(0o755)
        self.plain = self.top / "plain"
        self.point = self.top / "point"
        self.plain.mkdir()
        self.point.mkdir()
        self.dir.chmod(0o777)

    def load(self, mirror, host, seconds, *more):
        program = boxed.helper("model_load")
        arguments = ["--mirror", mirror, "--plain", self.plain, "--host", host, "--seed", SEED, "--seconds", seconds,
                     "--threads", THREADS, *more]
        done = self.run_outside(program, *arguments, timeout=seconds * 3 + 120)
        self.assertEqual(done.returncode, 0, done.stdout[-12000:] + done.stderr[-2000:])
        print(done.stdout.splitlines()[-1], flush=True)

    def over(self, transport, descriptors):
        for folder in (self.dir, self.plain):
            subprocess.run(["find", folder, "-mindepth", "1", "-delete"], check=True)
        mirror = serving.start_mirror(transport, self.dir, self.point, self.environment, descriptors)
        try:
            self.assertTrue(os.path.ismount(self.point), f"not mounted: {mirror.poll()}")
            # A kernel that forgets now and then has its nodes made anew, while others are in use.
            self.load(self.point, self.dir, SECONDS / 2, "--forget-every", FORGET_EVERY)
        finally:
            mirror.terminate()
            ended = boxed.wait_until(lambda: mirror.poll() is not None, 20)
            mirror.kill()
            mirror.wait(20)
            subprocess.run(["umount", "-l", self.point], capture_output=True)
        self.assertIsNotNone(ended, "the server did not end when it was told to")
        self.assertEqual(mirror.returncode, 0)

    def with_changes_aside(self, seed):
        box = self.top / "box"
        for folder in (self.dir, self.plain):
            subprocess.run(["find", folder, "-mindepth", "1", "-delete"], check=True)
        subprocess.run(["rm", "-rf", box], check=True)
        box.mkdir()
        few = ("--ops", OPERATIONS // int(THREADS) // 4, "--seed", seed)
        self.load(self.dir, self.dir, 60, *few)  # what there is to change
        subprocess.run(["rm", "-rf", self.dir / "wild"], check=True)  # begins anew each time
        before = boxed.tree_of(self.dir, folder_times=True)
        mirror = serving.start_mirror("dev-fuse", self.dir, self.point, self.environment, changes=box)
        try:
            self.assertTrue(os.path.ismount(self.point), f"not mounted: {mirror.poll()}")
            self.load(self.point, self.point, 240, "--ops", OPERATIONS // int(THREADS), "--seed", seed + 1,
                      "--continue", "yes", "--compare-every", 200, "--forget-every", FORGET_EVERY)
        finally:
            mirror.terminate()
            boxed.wait_until(lambda: mirror.poll() is not None, 20)
            mirror.kill()
            mirror.wait(20)
            subprocess.run(["umount", "-l", self.point], capture_output=True)
        self.assertEqual(mirror.returncode, 0)
        self.assertEqual(boxed.tree_of(self.dir, folder_times=True), before, "the host changed")

    @unittest.skipIf(ONLY_NATIVE, "natively alone")
    def test_a_mirror_with_changes_aside_is_like_a_plain_directory(self):
        for index in range(int(os.environ.get("MODEL_CHANGES", "1"))):
            with self.subTest(seed=SEED + index):
                print(f"changes aside, seed {SEED + index}", flush=True)
                self.with_changes_aside(SEED + index)

    def test_a_plain_directory_is_like_another_one(self):
        self.load(self.dir, self.dir, SECONDS if ONLY_NATIVE else 2)

    @unittest.skipIf(ONLY_NATIVE, "natively alone")
    def test_a_mirror_is_like_a_plain_directory(self):
        for transport in serving.offered():
            if os.environ.get("MODEL_TRANSPORT", transport) != transport:
                continue
            for descriptors in (None, FEW):
                with self.subTest(transport=transport, descriptors=descriptors):
                    print(f"{transport}, {descriptors or 'many'} descriptors, seed {SEED}", flush=True)
                    self.over(transport, descriptors)


if __name__ == "__main__":
    serving.in_own_mount_namespace()
    if ONLY_NATIVE:
        sys.argv.remove("--native")
    boxed.main()

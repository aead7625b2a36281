"""`fusebox mirror SOURCE MOUNTPOINT`: a directory at another place, until it is unmounted."""

import json
import os
import pathlib
import signal
import subprocess

import boxed


class Mirror(boxed.Case):
    def setUp(self):
        super().setUp()
        self.point = self.top / "point"
        self.point.mkdir()

    def start(self, *options):
        process = subprocess.Popen([boxed.BINARY, "mirror", *options, self.dir, self.point], env=self.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self._end, process)
        self.addCleanup(subprocess.run, ["umount", "-l", self.point], capture_output=True)
        self.assertIsNotNone(boxed.wait_until(lambda: os.path.ismount(self.point), 10), "not mounted")
        return process

    def assertGone(self, process, status=0):
        out, err = process.communicate(timeout=10)
        self.assertEqual((process.returncode, out, err), (status, "", ""))
        self.assertFalse(os.path.ismount(self.point))
        self.assertEqual([line for line in boxed.mount_table() if str(self.point) in line], [])

    def test_what_is_there_is_seen_and_can_be_changed(self):
        self.write("work/a/b", "text\n", mode=0o640)
        os.link(self.dir / "a/b", self.dir / "c")
        process = self.start()
        self.assertEqual(boxed.tree_of(self.point), boxed.tree_of(self.dir))
        self.assertEqual((self.point / "a/b").stat().st_ino, (self.point / "c").stat().st_ino)
        (self.point / "new").write_text("from there\n")
        (self.point / "c").unlink()
        self.assertEqual((self.dir / "new").read_text(), "from there\n")
        self.assertFalse((self.dir / "c").exists())
        done = subprocess.run(["cp", "-a", "/usr/include/linux", self.point / "copied"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(boxed.tree_of(self.dir / "copied"), boxed.tree_of("/usr/include/linux"))
        process.terminate()
        self.assertGone(process)

    def test_file_flags_and_times_of_birth_are_the_hosts(self):
        file = self.write("work/file")
        (self.dir / "folder").mkdir()
        self.start()
        for name in ("file", "folder"):
            outside, inside = self.dir / name, self.point / name
            before = subprocess.run(["lsattr", "-d", outside], capture_output=True, text=True)
            if before.returncode != 0:
                self.skipTest(f"this file system has no flags: {before.stderr.strip()}")
            self.assertEqual(subprocess.run(["chattr", "+d", inside], capture_output=True, text=True).stderr, "")
            shown = [subprocess.run(["lsattr", "-d", path], capture_output=True, text=True).stdout.split()[0]
                     for path in (outside, inside)]
            self.assertEqual(shown[0], shown[1])
            self.assertIn("d", shown[0])
            births = [subprocess.run(["stat", "-c", "%w", path], capture_output=True, text=True).stdout
                      for path in (outside, inside)]
            self.assertEqual(births[0], births[1])
        subprocess.run(["chattr", "+i", file], check=True)
        try:
            with self.assertRaises(PermissionError):
                (self.point / "file").unlink()
        finally:
            subprocess.run(["chattr", "-i", file], check=True)

    def test_sigterm_sigint_and_sighup_unmount(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process = self.start()
            process.send_signal(number)
            self.assertGone(process)

    def test_at_sigusr1_it_says_what_it_holds(self):
        for number in range(100):
            self.write(f"work/{number}")
        process = self.start()

        def state():
            process.send_signal(signal.SIGUSR1)
            return json.loads(process.stderr.readline())

        self.assertEqual(sum(entry.is_file() for entry in os.scandir(self.point)), 100)
        listed = [os.stat(entry) for entry in os.scandir(self.point)]
        self.assertEqual((len(listed), state()["nodes"]), (100, 101))
        self.assertIsNotNone(boxed.wait_until(lambda: state()["handles"] == 0, 10), state())  # RELEASE is not waited for
        self.assertGreaterEqual(state()["requests"]["OPENDIR"], 1)
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("2")
        self.assertIsNotNone(boxed.wait_until(lambda: state()["nodes"] == 1, 10), state())
        process.send_signal(signal.SIGTERM)
        self.assertGone(process)

    def test_a_busy_mirror_is_unmounted_as_well(self):
        self.write("work/file", "text\n")
        process = self.start()
        with open(self.point / "file") as held:
            process.terminate()
            self.assertIsNotNone(boxed.wait_until(lambda: not os.path.ismount(self.point), 5))
            self.assertEqual(held.read(), "text\n")
        self.assertGone(process)

    def test_umount_ends_the_server(self):
        process = self.start()
        self.assertEqual(subprocess.run(["umount", self.point]).returncode, 0)
        self.assertGone(process)

    def test_a_killed_server_leaves_a_mount_that_can_be_taken_off(self):
        process = self.start()
        process.kill()
        process.communicate(timeout=10)
        self.assertRaises(OSError, os.listdir, self.point)
        self.assertEqual(subprocess.run(["umount", self.point]).returncode, 0)

    def test_mounts_below_the_source_are_shown(self):
        (self.dir / "below").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "none", self.dir / "below"], check=True)
        try:
            self.write("work/below/file", "deep\n")
            process = self.start()
            self.assertEqual((self.point / "below/file").read_text(), "deep\n")
            self.assertNotEqual((self.point / "below").stat().st_ino, self.point.stat().st_ino)
            process.terminate()
            self.assertGone(process)
        finally:
            subprocess.run(["umount", self.dir / "below"], check=True)

    def test_modes_and_owners_hold_for_other_users(self):
        self.top.chmod(0o755)
        self.write("work/private", "mine\n", mode=0o600)
        self.write("work/public", "all\n", mode=0o644)
        self.dir.chmod(0o755)
        process = self.start()
        as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        read = subprocess.run([*as_nobody, "cat", self.point / "private"], capture_output=True, text=True)
        self.assertIn("Permission denied", read.stderr)
        read = subprocess.run([*as_nobody, "cat", self.point / "public"], capture_output=True, text=True)
        self.assertEqual(read.stdout, "all\n")
        made = subprocess.run([*as_nobody, "touch", self.point / "new"], capture_output=True, text=True)
        self.assertNotEqual(made.returncode, 0)
        self.dir.chmod(0o777)
        boxed.wait_until(lambda: subprocess.run([*as_nobody, "touch", self.point / "new"], capture_output=True).returncode == 0, 10)
        self.assertEqual((self.dir / "new").stat().st_uid, boxed.NOBODY)
        process.terminate()
        self.assertGone(process)


if __name__ == "__main__":
    boxed.main()

"""Changes kept in a box: the host stays as it is, and the box shows them."""

import json
import os
import pathlib
import shutil
import subprocess
import unittest

import boxed

NAME = f"cow-test-{os.getpid()}"
BOXES = pathlib.Path("/var/lib/fusebox/boxes")

CHANGES = """
set -e
echo more >> file; chmod 600 file; rm removed; mv moved renamed; mkdir new; echo x > new/x; ln file linked
rm -r tree/a; mkdir tree/a; echo y > tree/a/y; mv tree/b tree/c; ln -s file symlink; touch -d @1000 tree
truncate -s 1M sparse; setfattr -n user.word -v value file; mkfifo fifo
"""


class Cow(boxed.Case):
    def setUp(self):
        super().setUp()
        self.addCleanup(shutil.rmtree, BOXES / NAME, ignore_errors=True)
        for name in ("file", "removed", "moved", "tree/a/deep/file", "tree/b/file", "tree/other"):
            self.write(self.dir / name)
        self.temporary = self.temporary_boxes()

    @staticmethod
    def temporary_boxes():
        return sorted(path.name for path in BOXES.glob(".run-*")) if BOXES.exists() else []

    def in_named(self, *command, **more):
        return self.run_box(*command, options=("--cow", "--box", NAME), **more)

    def upper(self, path):
        return BOXES / NAME / "upper" / str(path).lstrip("/")

    @boxed.needs("setfattr")
    def test_the_host_is_the_same_after_anything(self):
        before = boxed.tree_of(self.dir, folder_times=True)
        ended = self.run_box("sh", "-c", CHANGES + "cat file new/x tree/a/y tree/c/file; ls", options=("--cow",))
        self.assertEnded(ended)
        self.assertEqual(ended.out.splitlines()[:5], ["text", "more", "x", "y", "text"])
        self.assertNotIn("removed", ended.out)
        self.assertEqual(boxed.tree_of(self.dir, folder_times=True), before)
        self.assertEqual(self.temporary_boxes(), self.temporary, "a box without a name is left behind")

    @boxed.needs("setfattr")
    def test_the_box_shows_what_a_plain_directory_would(self):
        plain = self.top / "plain"
        subprocess.run(["cp", "-a", self.dir, plain], check=True)
        self.assertEnded(self.in_named("sh", "-c", CHANGES))
        subprocess.run(["sh", "-c", CHANGES], cwd=plain, check=True)
        copied = self.top / "copied"
        ended = self.in_named("tar", "-C", self.dir, "--format=posix", "--xattrs", "-cf", "-", ".", text=False)
        self.assertEqual(ended.status, 0, ended.err)
        copied.mkdir()
        subprocess.run(["tar", "-C", copied, "--xattrs", "-xpf", "-"], input=ended.out, check=True)
        self.assertEqual(self.without_new_times(boxed.tree_of(copied)), self.without_new_times(boxed.tree_of(plain)))

    @staticmethod
    def without_new_times(tree):
        for entry in tree.values():
            entry.pop("mtime", None)
        return tree

    @boxed.needs("setfattr")
    def test_the_kernel_s_overlayfs_shows_the_same_tree(self):
        self.assertEnded(self.in_named("sh", "-c", CHANGES))
        ended = self.in_named("tar", "-C", self.dir, "--format=posix", "-cf", "-", ".", text=False)
        copied, point, work = (self.top / name for name in ("copied", "point", "overlay-work"))
        for path in (copied, point):
            path.mkdir()
        subprocess.run(["tar", "-C", copied, "-xpf", "-"], input=ended.out, check=True)
        work = BOXES / NAME / "overlay-work"  # of the same file system as the upper directory
        work.mkdir()
        options = f"lowerdir={self.dir},upperdir={self.upper(self.dir)},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, point], check=True)
        try:
            shown = boxed.tree_of(point)
        finally:
            subprocess.run(["umount", point], check=True)
        for tree in (shown, wanted := boxed.tree_of(copied)):
            for entry in tree.values():
                entry.pop("xattrs")
        self.assertEqual(shown, wanted)

    def test_a_named_box_continues_where_it_ended(self):
        self.assertEnded(self.in_named("sh", "-c", "echo one > made; rm removed"))
        ended = self.in_named("sh", "-c", "cat made; test ! -e removed; echo two >> made; cat made")
        self.assertEnded(ended)
        self.assertEqual(ended.out, "one\none\ntwo\n")
        self.assertFalse((self.dir / "made").exists())
        record = json.loads((BOXES / NAME / "box.json").read_text())
        self.assertEqual((record["version"], record["xattrs"]), (1, "trusted"))
        self.assertEqual(record["command"][:2], ["sh", "-c"])
        self.assertRegex(record["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_the_end_says_where_the_changes_are(self):
        kept = f"fusebox: the changes are kept in box '{NAME}' (look: fusebox diff {NAME})"
        gone = "fusebox: changes that were kept aside are gone with the box (to keep them: --box NAME)"
        for options, command, said in (
            (("--cow",), "true", None),
            (("--cow", "--box", NAME), "true", None),
            (("--cow",), "echo x > made", gone),
            ((), "echo x > ~/made", gone),
            ((), "echo x > made", None),
            (("--cow", "--box", NAME), "echo x > made", kept),
            (("--cow", "--box", NAME), "true", kept),
            (("--cow", "--quiet"), "echo x > made", None),
        ):
            with self.subTest(options=options, command=command):
                ended = self.run_box("sh", "-c", command, options=options)
                self.assertEnded(ended)
                lines = [line for line in ended.err.splitlines() if "changes" in line]
                self.assertEqual(lines, [said] if said else [])

    def test_two_runs_of_one_box_at_once_are_refused(self):
        first = self.start_box("sh", "-c", "echo ready; read line", options=("--cow", "--box", NAME),
                               stdin=subprocess.PIPE)
        self.assertEqual(first.stdout.readline(), "ready\n")
        second = self.in_named("true")
        self.assertEnded(second, 125)
        self.assertOneLine(second.err, NAME, "in use by another run")
        first.communicate("\n", timeout=30)
        self.assertEqual(first.returncode, 0)

    def test_a_name_that_is_none_is_refused(self):
        for name in ("..", ".hidden", "a/b", "-x", "", "x" * 65, "new\nline"):
            ended = self.run_box("true", options=("--cow", f"--box={name}"))
            if name:
                self.assertEnded(ended, 2)
                self.assertOneLine(ended.err, "not a name for a box")

    def test_what_is_denied_or_hidden_stays_so(self):
        self.write(self.dir / "denied")
        ended = self.run_box("sh", "-c", "echo x > denied; ls; cat hidden", options=(
            "--cow", "--deny", self.dir / "denied", "--hide", self.dir / "removed", "--violations", "report"))
        self.assertIn("ermission denied", ended.err)
        self.assertNotIn("removed", ended.out)
        self.assertEqual([event["path"] for event in ended.violations], [str(self.dir / "denied")])

    def test_boxes_are_hidden_in_a_box(self):
        self.assertEnded(self.in_named("sh", "-c", f"test ! -e {BOXES}"))

    def test_a_discarded_change_is_kept_in_the_box_and_another_goes_to_the_host(self):
        home = self.home
        (home / "cache").mkdir()
        (home / "cache" / "old").write_text("old\n")
        script = ("cd $HOME/cache; echo new > new; echo changed > old; cat old new; cd - > /dev/null;"
                  "echo host > made; mv $HOME/cache/new ./moved; cat moved; rm removed; ls $HOME/cache")
        ended = self.run_box("sh", "-c", script, options=("--discard", home / "cache"))
        self.assertEnded(ended)
        self.assertEqual(ended.out, "changed\nnew\nnew\nold\n")
        self.assertEqual((home / "cache" / "old").read_text(), "old\n")
        self.assertEqual(os.listdir(home / "cache"), ["old"])
        self.assertEqual((self.dir / "made").read_text(), "host\n")
        self.assertEqual((self.dir / "moved").read_text(), "new\n")
        self.assertFalse((self.dir / "removed").exists())
        verdicts = {event["path"]: event["verdict"] for event in ended.events if event["op"] == "create"}
        self.assertEqual(verdicts[str(home / "cache" / "new")], "discard")
        self.assertEqual(verdicts[str(self.dir / "made")], "allow")

    def test_a_run_that_discards_nothing_makes_no_box(self):
        self.write(self.home / "cache" / "old")
        script = "cat $HOME/cache/old; ls $HOME/cache; echo host > made; sleep 60"
        self.start_box("sh", "-c", script, options=("--discard", self.home / "cache"))
        self.assertTrue(boxed.wait_until(lambda: (self.dir / "made").exists(), 10))
        self.assertEqual(self.temporary_boxes(), self.temporary)

    def test_the_box_of_a_killed_run_is_removed_when_the_next_one_needs_one(self):
        (self.home / "cache").mkdir()
        options = ("--discard", self.home / "cache")
        script = "echo x > $HOME/cache/new; touch made; sleep 60"
        running = self.start_box("sh", "-c", script, options=options)
        self.assertTrue(boxed.wait_until(lambda: (self.dir / "made").exists(), 10))
        self.assertNotEqual(self.temporary_boxes(), self.temporary)
        running.kill()
        running.communicate()
        self.assertEnded(self.run_box("sh", "-c", "echo x > $HOME/cache/new", options=options))
        self.assertEqual(self.temporary_boxes(), self.temporary)

    def test_home_is_discarded_whether_the_profile_says_so_or_the_user(self):
        for options in ((), ("--discard", self.home)):
            with self.subTest(options=options):
                ended = self.run_box("sh", "-c", "mkdir -p ~/.cache/npm && echo x > ~/.cache/npm/x && cat ~/.cache/npm/x "
                                     "&& echo evil >> ~/.bashrc", options=options)
                self.assertEnded(ended)
                self.assertEqual(ended.out, "x\n")
                self.assertEqual(os.listdir(self.home), [])
                self.assertEqual(self.temporary_boxes(), self.temporary)

    def test_a_discarded_place_of_a_named_box_is_there_again(self):
        (self.home / "cache").mkdir()
        options = ("--discard", self.home / "cache", "--box", NAME)
        self.assertEnded(self.run_box("sh", "-c", "echo kept > $HOME/cache/kept", options=options))
        ended = self.run_box("sh", "-c", "cat $HOME/cache/kept", options=options)
        self.assertEqual(ended.out, "kept\n")
        self.assertFalse((self.home / "cache" / "kept").exists())

    def test_a_reader_sees_what_is_written_after_it_opened_the_file(self):
        script = """
import mmap, os
reader = os.open("file", os.O_RDONLY)
view = mmap.mmap(reader, 5, mmap.MAP_SHARED, mmap.PROT_READ)
assert os.pread(reader, 5, 0) == b"text\\n" and view[:5] == b"text\\n"
with open("file", "r+b") as writer:
    writer.write(b"TEXT")
    writer.flush()
    assert os.pread(reader, 5, 0) == b"TEXT\\n", os.pread(reader, 5, 0)
    assert view[:5] == b"TEXT\\n", view[:5]
    assert os.fstat(reader).st_ino == os.fstat(writer.fileno()).st_ino == os.stat("file").st_ino
"""
        self.assertEnded(self.run_box("python3", "-c", script, options=("--cow",)))
        self.assertEqual((self.dir / "file").read_text(), "text\n")

    def test_locks_taken_before_and_after_a_copy_meet(self):
        script = """
import fcntl, os
before, after = os.open("file", os.O_RDONLY), None
fcntl.flock(before, fcntl.LOCK_EX)
after = os.open("file", os.O_RDWR)
try:
    fcntl.flock(after, fcntl.LOCK_EX | fcntl.LOCK_NB)
    raise SystemExit("taken twice")
except BlockingIOError:
    pass
"""
        self.assertEnded(self.run_box("python3", "-c", script, options=("--cow",)))

    def test_a_big_tree_is_made_and_removed(self):
        for i in range(300):
            self.write(self.dir / f"many/{i % 7}/{i}")
        before = boxed.tree_of(self.dir)
        ended = self.run_box("sh", "-c", "cp -a many copy && rm -rf many && mv copy many && find many -type f | wc -l",
                             options=("--cow",))
        self.assertEnded(ended)
        self.assertEqual(ended.out.strip(), "300")
        self.assertEqual(boxed.tree_of(self.dir), before)


if __name__ == "__main__":
    boxed.main()

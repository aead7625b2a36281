"""What changes outside is seen inside: within a second, and at once with --coherent."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
import unittest

import boxed

LIMIT = 1.0
NOISE = 4.0  # this machine may be busy


class Coherence(boxed.Case):
    """A shell in the box is asked again and again, over its standard input, what it sees."""

    def open_shell(self, *options):
        self.box = self.start_box("sh", options=options, stdin=subprocess.PIPE, bufsize=1)

    def ask(self, script):
        self.box.stdin.write(f"{{ {script} ; }} 2>&1 | tr '\\n' ' '; echo\n")
        self.box.stdin.flush()
        return self.box.stdout.readline().strip()

    def seconds_until(self, script, answer):
        """How long after now the box gives `answer`."""
        start = time.monotonic()
        seen = None
        while time.monotonic() - start < LIMIT + NOISE + 2:
            asked = time.monotonic()
            seen = self.ask(script)
            if seen == answer:
                return asked - start
            time.sleep(0.02)
        self.fail(f"{script}: still {seen!r}, not {answer!r}")

    def check(self, most):
        file = self.write("work/file", "one\n")
        (self.dir / "folder").mkdir()
        gone = self.write("work/gone", "x\n")
        measured = {}

        def measure(what, script, answer):
            measured[what] = self.seconds_until(script, answer)

        self.assertEqual(self.ask("cat file"), "one")
        file.write_text("two, which is longer\n")
        measure("rewritten", "cat file", "two, which is longer")

        # Same length and no new name: only the times tell.
        time.sleep(0.05)
        file.write_text("TWO, which is longer\n")
        measure("same length", "cat file", "TWO, which is longer")

        self.ask("stat -c %s file")
        with open(file, "a") as appended:
            appended.write("more\n")
        measure("size", "stat -c %s file", "26")

        self.ask("stat -c %a file")
        file.chmod(0o640)
        measure("mode", "stat -c %a file", "640")

        self.assertIn("No such file", self.ask("cat new"))
        self.write("work/new", "here\n")
        measure("created", "cat new", "here")

        self.ask("ls folder")
        self.write("work/folder/entry")
        measure("listed", "ls folder", "entry")

        self.assertEqual(self.ask("cat gone"), "x")
        gone.unlink()
        measure("removed", "test -e gone || echo gone", "gone")

        self.ask("cat file")
        self.write("work/next", "replaced\n").rename(file)
        measure("replaced", "cat file", "replaced")

        (self.dir / "link").symlink_to("new")
        self.assertEqual(self.ask("cat link"), "here")
        (self.dir / "link").unlink()
        (self.dir / "link").symlink_to("file")
        measure("symlink", "cat link", "replaced")

        print(", ".join(f"{what} {seconds * 1000:.0f} ms" for what, seconds in measured.items()))
        late = {what: seconds for what, seconds in measured.items() if seconds > most}
        self.assertEqual(late, {})

    def test_changes_outside_are_seen_within_a_second(self):
        self.open_shell()
        self.check(LIMIT + NOISE)

    def test_changes_outside_are_seen_at_once_where_that_is_asked_for(self):
        self.open_shell("--coherent")
        # The very first question has to be answered right.
        self.check(0.015)

    def test_changes_inside_are_seen_outside_at_once(self):
        self.open_shell()
        for number in range(50):
            self.ask(f"echo {number} > counter; mkdir d{number}")
            self.assertEqual((self.dir / "counter").read_text(), f"{number}\n")
            self.assertTrue((self.dir / f"d{number}").is_dir())

    def test_changes_of_one_process_are_seen_by_the_next_at_once(self):
        self.open_shell()
        for number in range(50):
            self.assertEqual(self.ask(f"echo {number} > c; cat c; stat -c %s c; mv c d; cat d; rm d; test -e d || echo gone"),
                             f"{number} {len(str(number)) + 1} {number} gone")

    def test_a_file_that_grows_outside_can_be_followed(self):
        path = self.write("work/log", "")
        box = self.start_box("tail", "-f", "-s", "0.05", "log")
        time.sleep(0.3)
        with open(path, "a") as file:
            for number in range(5):
                file.write(f"line {number}\n")
                file.flush()
                start = time.monotonic()
                self.assertEqual(box.stdout.readline(), f"line {number}\n")
                self.assertLess(time.monotonic() - start, LIMIT + NOISE)
        box.terminate()

    def test_a_file_mapped_inside_is_written_outside(self):
        self.write("work/file", b"\0" * 8192)
        script = "import mmap; f = open('file', 'r+b'); m = mmap.mmap(f.fileno(), 8192); m[5000:5004] = b'mark'; m.flush()"
        self.assertEnded(self.run_box("python3", "-c", script))
        self.assertEqual((self.dir / "file").read_bytes()[5000:5004], b"mark")


class Objects(boxed.Case):
    """Things that are more than bytes stay the same object inside and outside."""

    def test_a_fifo_made_outside_connects_inside_with_outside(self):
        os.mkfifo(self.dir / "pipe")
        reader = subprocess.Popen(["cat", self.dir / "pipe"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(reader.wait)
        self.addCleanup(reader.kill)
        self.run_box("timeout", "5", "sh", "-c", "echo through > pipe")
        try:
            out, _ = reader.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            out = None
        self.assertEqual(out, "through\n", "the ends do not meet")

    def test_a_fifo_made_outside_brings_bytes_in(self):
        os.mkfifo(self.dir / "pipe")
        box = self.start_box("timeout", "10", "cat", "pipe")
        self.write_to_fifo(self.dir / "pipe", "from outside\n")
        self.assertEqual(box.communicate(timeout=20)[0], "from outside\n")

    def test_a_fifo_made_outside_while_the_box_runs_connects_within_a_second(self):
        box = self.start_box("sh", "-c", "test -e pipe && exit 9; echo ready; read go; timeout 5 cat pipe",
                             stdin=subprocess.PIPE)
        self.assertEqual(box.stdout.readline(), "ready\n")
        os.mkfifo(self.dir / "pipe")
        time.sleep(LIMIT)
        box.stdin.write("go\n")
        box.stdin.flush()
        self.write_to_fifo(self.dir / "pipe", "late\n")
        self.assertEqual(box.communicate(timeout=20)[0], "late\n")

    def test_a_fifo_that_is_replaced_outside_is_the_new_one_inside(self):
        os.mkfifo(self.dir / "pipe")
        box = self.start_box("sh", "-c", "test -p pipe && echo ready; read go; timeout 5 cat pipe", stdin=subprocess.PIPE)
        self.assertEqual(box.stdout.readline(), "ready\n")
        (self.dir / "pipe").unlink()
        os.mkfifo(self.dir / "pipe")
        time.sleep(LIMIT)
        box.stdin.write("go\n")
        box.stdin.flush()
        self.write_to_fifo(self.dir / "pipe", "the new one\n")
        self.assertEqual(box.communicate(timeout=20)[0], "the new one\n")

    def test_a_fifo_removed_outside_is_gone_inside(self):
        os.mkfifo(self.dir / "pipe")
        box = self.start_box("sh", "-c", "test -p pipe && echo ready; read go; test -e pipe || echo gone",
                             stdin=subprocess.PIPE)
        self.assertEqual(box.stdout.readline(), "ready\n")
        (self.dir / "pipe").unlink()
        time.sleep(LIMIT + 0.5)
        self.assertEqual(box.communicate("go\n", timeout=20)[0], "gone\n")

    def test_fifos_below_the_working_directory_connect_however_their_directory_is_reached(self):
        for way in ("cd a/b && echo x > pipe", "echo x > a/b/pipe", "echo x > $PWD/a/b/pipe", "ls -lR >&2; echo x > a/b/pipe",
                    "mkdir -p new; mv a new; echo x > new/a/b/pipe", "find . -name pipe -exec sh -c 'echo x > $0' {} ';'"):
            with self.subTest(way):
                shutil.rmtree(self.dir)
                (self.dir / "a/b").mkdir(parents=True)
                os.mkfifo(self.dir / "a/b/pipe")
                reader = os.open(self.dir / "a/b/pipe", os.O_RDONLY | os.O_NONBLOCK)
                self.addCleanup(os.close, reader)
                self.assertEnded(self.run_box("timeout", "5", "sh", "-c", way))
                self.assertEqual(os.read(reader, 10), b"x\n")

    def test_many_processes_that_make_files_beside_a_fifo_are_not_held_up(self):
        os.mkfifo(self.dir / "pipe")
        script = "for i in $(seq 40); do (mkdir d$i; echo > d$i/f; mv d$i/f g$i; rm g$i; rmdir d$i; test -p pipe) & done; wait"
        start = time.monotonic()
        self.assertEnded(self.run_box("sh", "-c", script))
        self.assertLess(time.monotonic() - start, 20)
        self.assertEqual(os.listdir(self.dir), ["pipe"])

    def test_a_fifo_made_inside_works_inside_and_can_be_removed(self):
        script = ("mkdir d; mkfifo pipe d/pipe; ls d >&2; sleep 1.2; for p in pipe d/pipe; do echo through > $p & cat $p; "
                  "mv $p $p.2; rm $p.2; done; rmdir d; ls")
        ended = self.run_box("timeout", "20", "sh", "-c", script)
        self.assertEnded(ended)
        self.assertEqual(ended.out, "through\nthrough\n")
        self.assertEqual(os.listdir(self.dir), [])

    def test_a_fifo_made_outside_can_be_removed_replaced_and_moved_inside(self):
        for name in ("a", "b", "c", "d/e", "stays"):
            (self.dir / name).parent.mkdir(exist_ok=True)
            os.mkfifo(self.dir / name)
        script = ("set -e; test -p a -a -p d/e; rm a; mkfifo a; echo through > a & cat a; rm a; mv b moved; echo x > new; "
                  "mv new c; cat c; rm -r d; ls")
        ended = self.run_box("timeout", "20", "sh", "-c", script.replace("cat a", "cat < a"))
        self.assertEnded(ended)
        self.assertEqual(ended.out, "through\nx\nc\nmoved\nstays\n")
        self.assertEqual(sorted(os.listdir(self.dir)), ["c", "moved", "stays"])
        self.assertEqual(ended.violations, [])

    def test_a_socket_left_over_outside_can_be_bound_anew_inside(self):
        left_over = socket.socket(socket.AF_UNIX)
        left_over.bind(str(self.dir / "socket"))
        left_over.close()
        script = ("import os, socket\nos.unlink('socket')\nserver = socket.socket(socket.AF_UNIX); server.bind('socket')\n"
                  "server.listen(); client = socket.socket(socket.AF_UNIX); client.connect('socket'); print('connected')")
        ended = self.run_box("python3", "-c", script)
        self.assertEnded(ended)
        self.assertEqual(ended.out, "connected\n")

    def test_a_socket_made_inside_works_inside_and_can_be_removed(self):
        script = ("import os, socket, time\nserver = socket.socket(socket.AF_UNIX); server.bind('socket'); server.listen()\n"
                  "time.sleep(1.2); os.listdir('.')\nclient = socket.socket(socket.AF_UNIX); client.connect('socket')\n"
                  "os.remove('socket'); print(os.listdir('.'))")
        ended = self.run_box("python3", "-c", script)
        self.assertEnded(ended)
        self.assertEqual(ended.out, "[]\n")

    def bound_in_box(self, *options):
        """Which of the test's files have a mount on them in a box that saw all of them."""
        ended = self.run_box("sh", "-c", f"ls -lR {self.top} >/dev/null 2>&1; cat /proc/self/mountinfo",
                             options=("--violations", "report", *options))
        self.assertEnded(ended)
        mounted = [line.split()[4] for line in ended.out.splitlines()]
        return sorted(os.path.relpath(path, self.top) for path in mounted if path.startswith(str(self.top)))

    def test_only_what_may_be_written_is_the_same_object(self):
        for name in ("work/open", "work/denied", "work/hidden", "outside/readable", "outside/named"):
            os.mkfifo(self.top / name)
        self.write("work/file")
        options = ("--deny", self.dir / "denied", "--hide", self.dir / "hidden", "--write", self.outside / "named")
        self.assertEqual(self.bound_in_box(*options), ["outside/named", "work/open"])

    def test_nothing_is_left_of_a_box_that_used_objects_of_outside(self):
        os.mkfifo(self.dir / "pipe", 0o640)
        before = os.stat(self.dir / "pipe")
        self.assertEqual(self.bound_in_box(), ["work/pipe"])
        after = os.stat(self.dir / "pipe")
        self.assertEqual((before.st_ino, before.st_mode, before.st_nlink), (after.st_ino, after.st_mode, after.st_nlink))
        self.assertEqual([line for line in boxed.mount_table() if self.marker in line], [])
        (self.dir / "pipe").unlink()

    def write_to_fifo(self, path, text):
        """As soon as somebody reads; fails where nobody does."""
        opened = []

        def open_end():
            with contextlib.suppress(OSError):
                opened.append(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            return opened

        self.assertIsNotNone(boxed.wait_until(open_end, 10), "nobody reads")
        os.write(opened[0], text.encode())
        os.close(opened[0])

    def test_a_socket_made_outside_can_be_connected_to(self):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(self.dir / "socket"))
            server.listen()
            server.settimeout(10)
            box = self.start_box("python3", "-c", "import socket; s = socket.socket(socket.AF_UNIX); "
                                                  "s.connect('socket'); s.send(b'hello')")
            try:
                connection, _ = server.accept()
                self.assertEqual(connection.recv(10), b"hello")
                connection.close()
            except TimeoutError:
                self.fail(box.communicate(timeout=10)[1])


if __name__ == "__main__":
    boxed.main()

"""A file system in Ruby: fusuma's interface, what goes beyond it, and what a script does wrong."""

import errno
import os
import signal
import subprocess
import threading
import time
import unittest

import boxed
from scripted import Case

# What every script needs, with `hooks` in its class.  /f is a file of four bytes, in the object.
FRAME = """
Stat = Struct.new(:st_mode, :st_nlink, :st_size)
class Node
  def initialize(path, *rest)
    @path = path
    @text = "text"
  end
  def on_getattr
    return Stat.new(FUSE::S_IFDIR | 0755, 2, nil) if @path == "/"
    return Stat.new(FUSE::S_IFREG | 0644, 1, @text.size) if @path == "/f"
  end
  def on_readdir
    ["f"]
  end
  def on_open
    0
  end
  def on_read_all
    [@text, @text.size]
  end
%s
end
FUSE.uid = FUSE.gid = 1000
FUSE.run Node
"""

README = """
FileStat = Struct.new(:st_mode, :st_nlink, :st_size)
class Example
  def initialize(path, *a)
    @path = path
    @value = { "/hello" => "Hello, mruby fuse!!\\n", "/world" => "Hello, yet another mruby fuse!!\\n" }[path]
  end
  def on_getattr
    return FileStat.new(S_IFDIR|0755, 2, nil) if @path == "/"
    @value && FileStat.new(S_IFREG|0444, 1, @value.size)
  end
  def on_open; 0; end
  def on_readdir; ["hello", "world"]; end
  def on_read_all; [@value, @value.size]; end
end
FUSE.path = "/nowhere"
FUSE.program_name = FUSE.subtype = "example"
FUSE.fsname = "an example"
FUSE.run Example
"""


class Served(Case):
    def test_bare_constants_and_the_settings_of_the_readme_work(self):
        point = self.serve(self.script(README))
        self.assertEqual(sorted(os.listdir(point)), ["hello", "world"])
        self.assertEqual((point / "hello").read_text(), "Hello, mruby fuse!!\n")
        self.assertEqual((point / "world").stat().st_size, 32)
        self.assertTrue(any(" an\\040example " in line for line in boxed.mount_table()))

    def test_what_was_written_is_what_is_read_and_nothing_of_the_old_text(self):
        point = self.serve(self.script(FRAME % """
          def on_truncate(size) @text = @text[0, size]; 0 end
          def on_write(data, offset) @text << data; data.size end"""))
        self.assertEqual(self.sh("echo changed > f; cat f").stdout, "changed\n")
        self.assertEqual((point / "f").stat().st_size, 8)
        (point / "f").write_text("x")
        self.assertEqual((point / "f").read_text(), "x")

    def test_owners_are_those_that_the_script_set(self):
        status = (self.serve(self.script(FRAME % "")) / "f").stat()
        self.assertEqual((status.st_uid, status.st_gid, status.st_mtime), (1000, 1000, 0))

    def test_a_nul_and_a_mebibyte_arrive_whole(self):
        point = self.serve(self.script(FRAME % """
          def on_truncate(size) 0 end
          def on_write(data, offset) puts "#{offset} #{data.size}" if data.size == 3; @sum = (@sum || 0) + data.size
            puts "all" if @sum == 3 + 1048576; data.size end"""))
        self.sh("printf 'a\\0b' > f")
        (point / "f").write_bytes(b"\0" * 1048576)
        self.assertEqual(self.printed(), "0 3\nall\n")

    def test_windows_of_a_file_are_cut_by_the_host_or_asked_of_the_script(self):
        self.serve(self.script(FRAME.replace("on_read_all", "unused") % """
          def on_read(size, offset) part = ("0123456789" * 1000)[offset, size] || ""; [part, part.size] end"""))
        with open(self.point / "f", "rb") as file:
            self.assertEqual(os.pread(file.fileno(), 4, 9998), b"89")
            self.assertEqual(os.pread(file.fileno(), 4, 5003), b"3456")

    def test_standard_output_is_the_scripts_alone(self):
        point = self.serve(self.script(FRAME % "" + "puts 'after'"))
        (point / "f").read_text()
        self.assertEqual(self.end(), 0)
        self.assertEqual((self.printed(), self.messages()), ("after\n", []))

    def test_nothing_is_remembered_of_content_unless_the_script_says_so(self):
        point = self.serve(self.script(FRAME % "def on_read_all() @n = (@n || 0) + 1; [@n.to_s, @n.to_s.size] end"))
        with open(point / "f", "rb") as file:
            first, second = os.pread(file.fileno(), 9, 0), os.pread(file.fileno(), 9, 0)
        self.assertLess(int(first), int(second))

    def test_a_cache_time_saves_asking_and_notify_ends_it(self):
        point = self.serve(self.script(FRAME % """
          def on_truncate(size) $size = size; FUSE.notify("/f"); 0 end
          def on_getattr
            $asked = ($asked || 0) + 1
            STDOUT.write("asked #{$asked}\\n") if @path == "/f"
            @path == "/" ? Stat.new(FUSE::S_IFDIR | 0755, 2, nil) : Stat.new(FUSE::S_IFREG | 0644, 1, $size || 4)
          end
          FUSE.cache_time = 600"""))
        for _ in range(20):
            os.stat(point / "f")
        self.assertEqual(self.printed().count("asked"), 1)
        os.truncate(point / "f", 9)
        self.assertTrue(boxed.wait_until(lambda: os.stat(point / "f").st_size == 9, 5))

    def test_a_directory_is_asked_about_as_rarely_as_the_names_in_it(self):
        for kept, asked in ((600, 1), (0, 20)):
            with self.subTest(entry_timeout=kept):
                point = self.serve(self.script(FRAME % f"""
                  alias of_path on_getattr
                  def on_getattr() STDOUT.write(@path + "\\n"); of_path end
                  FUSE.entry_timeout = {kept}"""))
                os.stat(point / "f")
                before = self.printed().split()
                for _ in range(20):
                    os.stat(point / "f")
                paths = self.printed().split()[len(before):]
                self.assertGreaterEqual(paths.count("/f"), 20)
                self.assertEqual(paths.count("/") >= 20, asked == 20, paths)
                self.assertEqual(self.end(), 0)

    @unittest.skipIf(boxed.sanitized(), "a sanitizer keeps what was freed")
    def test_asking_for_attributes_again_and_again_takes_no_memory(self):
        point = self.serve(self.script(FRAME % ""))
        for _ in range(20_000):
            os.stat(point / "f")
        before = self.memory()
        for _ in range(100_000):
            os.stat(point / "f")
        self.assertLess(self.memory() - before, 512, "KiB more, a tenth of what a million may take")

    def test_objects_outlive_what_the_kernel_forgets_where_they_were_changed(self):
        point = self.serve(self.script(FRAME % """
          def on_truncate(size) @text = @text[0, size]; 0 end
          def on_write(data, offset) @text << data; data.size end"""))
        (point / "f").write_text("kept")
        with open("/proc/sys/vm/drop_caches", "w") as caches:
            caches.write("2")
        self.assertEqual((point / "f").read_text(), "kept")

    def test_objects_that_nothing_changed_are_forgotten_with_the_kernel(self):
        point = self.serve(self.script(FRAME % """
          def on_getattr
            return Stat.new(FUSE::S_IFDIR | 0755, 2, nil) if @path == "/"
            return Stat.new(FUSE::S_IFREG | 0644, 1, FUSE.pool.size) if @path == "/pool"
            Stat.new(FUSE::S_IFREG | 0644, 1, 0) unless @path.include?("missing")
          end
          FUSE.entry_timeout = 0"""))
        for number in range(300):
            os.stat(point / f"there-{number}")
            self.fails_with(errno.ENOENT, os.stat, point / f"missing-{number}")
        self.assertGreater((point / "pool").stat().st_size, 300)
        with open("/proc/sys/vm/drop_caches", "w") as caches:
            caches.write("2")
        self.assertTrue(boxed.wait_until(lambda: (point / "pool").stat().st_size < 10, 10))

    def test_parallel_readers_get_every_byte(self):
        point = self.serve(self.script(FRAME % "FUSE.multithread = true"))
        readers = [subprocess.Popen(["sh", "-c", f"for i in $(seq 200); do read -r x < {point}/f || [ \"$x\" = text ] || "
                                     "exit 1; done"]) for _ in range(64)]
        self.assertEqual([reader.wait(120) for reader in readers], [0] * 64)
        self.assertEqual(self.messages(), [])

    def test_signals_and_umount_end_it(self):
        for how in (signal.SIGINT, signal.SIGTERM, None):
            with self.subTest(how):
                self.serve(self.script(FRAME % ""))
                self.assertEqual(self.end(how), 0)
                self.assertFalse(self.is_mounted())

    def test_a_dead_host_leaves_no_mount(self):
        # The cache, so that the kernel has an answer of its own when it is asked about the dead mount.
        self.serve(self.script(FRAME % "def on_read_all() Process.kill(:KILL, Process.pid) end\nFUSE.cache_time = 600"))
        self.sh("cat f")
        self.assertEqual(self.process.wait(20), 128 + signal.SIGKILL)
        self.assertFalse(self.is_mounted())

    def test_arguments_reach_the_script(self):
        self.serve(self.script("p ARGV[2..-1]\n" + FRAME % ""), "a", "b")
        self.assertEqual(self.printed(), '["a", "b"]\n')

    def test_the_mount_table_shows_the_name_and_the_kind_that_the_script_chose(self):
        point = self.serve(self.script(README))
        mine = [line for line in boxed.mount_table() if f" {point} " in line]
        self.assertEqual([line.split(" - ")[1].split()[:2] for line in mine], [["fuse.example", "an\\040example"]])

    def test_a_script_that_goes_to_the_background_lets_its_caller_go_on(self):
        script = self.script("FUSE.daemonize = true; puts 'before'\n" + FRAME % "")
        self.addCleanup(subprocess.run, ["umount", "-l", self.point], capture_output=True)
        done = self.run_outside(boxed.BINARY, "script", script, self.point, timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "before\n", ""))
        self.assertEqual((self.point / "f").read_text(), "text")
        subprocess.run(["umount", self.point], check=True)
        self.assertIsNotNone(boxed.wait_until(lambda: not boxed.processes_with(self.marker), 60))

    def test_a_script_in_the_background_that_dies_leaves_no_mount(self):
        script = self.script("FUSE.daemonize = true\n" + FRAME % "def on_read_all() Process.kill(:KILL, Process.pid) end")
        self.addCleanup(subprocess.run, ["umount", "-l", self.point], capture_output=True)
        self.assertEqual(self.run_outside(boxed.BINARY, "script", script, self.point, timeout=60).returncode, 0)
        self.sh("cat f")
        self.assertIsNotNone(
            boxed.wait_until(lambda: not self.is_mounted() and not boxed.processes_with(self.marker), 60))

    def test_a_mount_for_root_is_for_nobody_else(self):
        point = self.serve(self.script("FUSE.allow_root = true\n" + FRAME % ""))
        self.assertEqual((point / "f").read_text(), "text")
        done = self.run_outside("cat", point / "f", user=65534, timeout=60)
        self.assertIn("Permission denied", done.stderr)

    def test_options_of_fuse_have_the_effect_that_they_have_there(self):
        settings = 'FUSE.extra_fuse_options = ["-s", "-o", "ro,nonempty,fsname=chosen", "-osubtype=kind,uid=7"]\n'
        point = self.serve(self.script(FRAME.replace("FUSE.uid = FUSE.gid = 1000", settings) % ""))
        mine = next(line for line in boxed.mount_table() if f" {point} " in line)
        self.assertIn(" - fuse.kind chosen ", mine)
        self.assertEqual((point / "f").stat().st_uid, 7)
        self.fails_with(errno.EROFS, (point / "f").write_text, "")

    def test_debug_names_hooks_and_paths(self):
        point = self.serve(self.script(FRAME % ""), options=["--debug"])
        (point / "f").read_text()
        self.assertIn("fusebox: on_open /f: ok", self.messages())


class Errors(Case):
    def test_a_raising_hook_is_eio_and_one_line_and_the_next_operation_works(self):
        point = self.serve(self.script(FRAME % """
          def on_read_all
            raise "no luck" unless @second
            ["fine", 4]
          ensure
            @second = true
          end""", "bad.rb"))
        self.fails_with(errno.EIO, (point / "f").read_text)
        self.assertEqual(len(self.messages()), 1, self.messages())
        self.assertRegex(self.messages()[0], r"bad\.rb:\d+: no luck \(RuntimeError\)$")
        self.assertEqual((point / "f").read_text(), "fine")

    def test_errno_comes_through_by_each_of_its_ways(self):
        for hook, number in {"raise Errno::ENOSPC": errno.ENOSPC, "-Errno::EBUSY::Errno": errno.EBUSY,
                             "nil": errno.ENOENT, "7": errno.EIO, "-5000": errno.EIO, "[1]": errno.EIO,
                             '["x"]': errno.EIO, '["x", -1]': errno.EIO, "raise NoMemoryError": errno.EIO,
                             "nope": errno.EIO, "def f() f() end; f": errno.EIO}.items():
            with self.subTest(hook):
                point = self.serve(self.script(FRAME % f"def on_read_all() {hook} end"))
                self.fails_with(number, (point / "f").read_text)
                self.assertEqual(len(self.messages()), 1 if number == errno.EIO else 0, self.messages())
                self.assertEqual(os.listdir(point), ["f"])
                self.end()

    def test_what_a_class_lacks_is_an_error_by_name(self):
        point = self.serve(self.script("class Nothing\ndef initialize(path) end\nend\nFUSE.run Nothing"))
        self.fails_with(errno.EIO, os.listdir, point)
        self.assertRegex(self.messages()[0], r"on_\w+ of /: the class has no such method$")
        self.assertIsNone(self.process.poll())

    def test_absent_operations_are_refused_as_their_calls_foresee(self):
        point = self.serve(self.script(FRAME % ""))
        for number, call, *arguments in (
                (errno.EPERM, os.mkdir, point / "d"), (errno.EPERM, os.rmdir, point), (errno.EPERM, os.unlink, point / "f"),
                (errno.EPERM, os.rename, point / "f", point / "g"), (errno.EPERM, os.symlink, "x", point / "l"),
                (errno.EPERM, os.link, point / "f", point / "l"), (errno.EPERM, os.chmod, point / "f", 0o600),
                (errno.EPERM, os.chown, point / "f", 1, 1), (errno.EPERM, open, point / "new", "w"),
                (errno.EOPNOTSUPP, os.getxattr, point / "f", "user.x"), (errno.EIO, (point / "f").write_text, "x")):
            with self.subTest(call.__name__):
                if call is os.rmdir:
                    continue  # of a mount point: the kernel's own answer
                self.fails_with(number, call, *arguments)
        os.utime(point / "f", (1, 2))
        os.truncate(point / "f", 2)
        self.assertEqual(os.statvfs(point).f_blocks, 0)

    def test_a_link_of_any_length_is_read_and_none_is_enoent(self):
        point = self.serve(self.script(FRAME % """
          def on_getattr() Stat.new(@path == "/" ? S_IFDIR | 0755 : S_IFLNK | 0777, 1, 1) end
          def on_readlink() @path == "/nil" ? nil : ["t" * 4095, 4095] end"""))
        self.assertEqual(os.readlink(point / "long"), "t" * 4095)
        self.fails_with(errno.ENOENT, os.readlink, point / "nil")

    def test_a_hook_that_does_not_return_costs_its_callers_the_limit_and_no_more(self):
        point = self.serve(self.script(FRAME % "def on_read_all() while true; end end\nFUSE.hook_timeout = 1"),
                           env={"TSAN_OPTIONS": "report_thread_leaks=0"})  # the hook's thread ends with the process
        start, failures = time.monotonic(), []

        def read():
            try:
                (point / "f").read_text()
            except OSError as error:
                failures.append((error.errno, time.monotonic() - start))
        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(20)
        self.assertEqual([number for number, _ in failures], [errno.ETIMEDOUT] * 4)
        self.assertLess(max(seconds for _, seconds in failures), 5)
        self.fails_with(errno.ETIMEDOUT, os.listdir, point)
        self.assertRegex(self.messages()[0], r"on_read of /f: has not returned within 1\.0 s")
        self.assertEqual(self.end(), 0)
        self.assertFalse(self.is_mounted())

    def test_a_hook_that_comes_back_late_lets_the_mount_go_on(self):
        point = self.serve(self.script(FRAME % "def on_read_all() sleep 2 unless $late; $late = true; ['ok', 2] end"),
                           options=["--hook-timeout", "0.5"])
        self.fails_with(errno.ETIMEDOUT, (point / "f").read_text)
        self.assertTrue(boxed.wait_until(lambda: len(self.messages()) == 2, 10))
        self.assertEqual((point / "f").read_text(), "ok")

    def test_a_hook_that_takes_all_memory_gets_no_more_than_the_limit(self):
        point = self.serve(self.script(FRAME % "def on_read_all() a = []; loop { a << 'x' * 100_000 } end"),
                           options=["--memory", "64"])
        self.fails_with(errno.EIO, (point / "f").read_text)
        self.assertRegex(self.messages()[0], r"\(NoMemoryError\)$")
        self.assertEqual(os.listdir(point), ["f"])

    def test_a_hook_that_raises_at_random_stops_nobody(self):
        point = self.serve(self.script(FRAME % "def on_read_all() raise 'bad day' if rand(2) == 0; ['ok', 2] end"))
        told = 0
        for _ in range(500):
            try:
                self.assertEqual((point / "f").read_text(), "ok")
            except OSError as error:
                self.assertEqual(error.errno, errno.EIO)
                told += 1
        self.assertEqual(len(self.messages()), told)

    def test_a_hook_that_calls_exit_ends_the_mount_with_its_status(self):
        script = FRAME.replace("FUSE.run Node", "begin\n  FUSE.run Node\nensure\n  puts 'unwound'\nend")
        point = self.serve(self.script(script % "def on_read_all() exit 9 end"))
        self.fails_with(errno.EIO, (point / "f").read_text)
        self.assertEqual(self.process.wait(20), 9)
        self.assertEqual((self.is_mounted(), self.printed(), self.messages()), (False, "unwound\n", []))


class Usage(boxed.Case):
    needs_a_box = False

    def setUp(self):
        super().setUp()
        if reason := boxed.without_scripts():
            self.skipTest(reason)

    def run_script(self, text, *arguments):
        path = self.top / "x.rb"
        path.write_text(text)
        return self.run_outside(boxed.BINARY, "script", path.name, *arguments, cwd=self.top, timeout=20)

    def test_a_file_is_wanted(self):
        done = self.run_outside(boxed.BINARY, "script", timeout=20)
        self.assertEqual(done.returncode, 2)
        self.assertOneLine(done.stderr, "FILE is required")

    def test_a_syntax_error_has_its_line_and_column_and_mounts_nothing(self):
        done = self.run_script("a = 1\n\nclass A end end\n", self.top)
        self.assertEqual(done.returncode, 1)
        self.assertOneLine(done.stderr, "fusebox: x.rb:3:", "syntax error")

    def test_an_error_before_the_mount_ends_the_run(self):
        done = self.run_script("\nraise 'not today'\n", self.top)
        self.assertEqual((done.returncode, done.stderr), (1, "fusebox: x.rb:2: not today (RuntimeError)\n"))

    def test_a_place_to_mount_is_wanted_and_must_be_there(self):
        self.assertOneLine(self.run_script("FUSE.run Object").stderr, "x.rb:1: no mount point", "FUSE.path")
        self.assertOneLine(self.run_script("FUSE.run Object", "/nonexistent").stderr, "No such file or directory")

    def test_an_option_that_is_not_known_mounts_nothing(self):
        for options in ('["-o", "ro,kernel_cache"]', '["-x"]', '["-o"]', '["-o", "uid=me"]'):
            with self.subTest(options):
                done = self.run_script(f"class Node end\nFUSE.extra_fuse_options = {options}\nFUSE.run Node\n", self.top)
                self.assertEqual(done.returncode, 1)
                self.assertOneLine(done.stderr, "x.rb:3: FUSE.extra_fuse_options: ", "is not known here")

    def test_a_script_may_do_without_a_mount_and_say_its_status(self):
        done = self.run_script("puts 'done'; exit 3", self.top)
        self.assertEqual((done.returncode, done.stdout), (3, "done\n"))


if __name__ == "__main__":
    boxed.main()

"""`fusebox run --cow --device-nodes`: nodes that a box makes are names in it, and nobody's way to a device.

What was there before is tried, too: the host's own devices in the box's /dev and on its standard descriptors.
"""

import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "acceptance"))
import boxed  # noqa: E402
import boxes  # noqa: E402

SANDBOX = pathlib.Path(boxed.BINARY).resolve().parent / "sandbox"
AS_NOBODY = ("setpriv", "--reuid", str(boxed.NOBODY), "--regid", str(boxed.NOBODY), "--clear-groups")
CAP_MKNOD = 27

# attempt(what, *arguments) prints the name of the error, or "done".
ATTEMPT = """
import errno, os, stat, struct, sys
def attempt(what, *arguments, **more):
    try:
        what(*arguments, **more)
        print('done')
    except OSError as error:
        print(errno.errorcode[error.errno])
def node(path, major, minor, kind=stat.S_IFCHR):
    os.mknod(path, kind | 0o666, os.makedev(major, minor))
"""

# Each leaves things as they are, where it works: the machine's own nodes are tried.  The list of access is the mode.
CHANGES = """
def changes(path):
    status = os.stat(path)
    entries = [(tag, status.st_mode >> shift & 7, 0xFFFFFFFF) for tag, shift in ((1, 6), (4, 3), (32, 0))]
    acl = struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *entry) for entry in entries)
    attempt(os.chmod, path, stat.S_IMODE(status.st_mode))
    attempt(os.chown, path, status.st_uid, status.st_gid)
    attempt(os.utime, path, ns=(status.st_atime_ns, status.st_mtime_ns))
    attempt(os.setxattr, path, 'system.posix_acl_access', acl)
"""


class Case(boxed.Case):
    def setUp(self):
        super().setUp()
        self.name = self.top.name
        self.box_dir = boxes.BOXES / self.name
        self.addCleanup(shutil.rmtree, self.box_dir, ignore_errors=True)

    @property
    def upper(self):
        return self.box_dir / "upper" / self.dir.relative_to("/")

    def python(self, script, *options, prefix=(), **more):
        """The lines that a script prints in a box."""
        ended = self.run_box(*prefix, "python3", "-IS", "-c", ATTEMPT + CHANGES + script,
                             options=options or ("--cow", "--device-nodes"), **more)
        self.assertEqual(ended.status, 0, ended)
        return ended.out.splitlines()

    def keep(self, script):
        """The same in a box with a name."""
        return self.python(script, "--cow", "--device-nodes", "--box", self.name)

    def natively(self, script, *prefix):
        done = self.run_outside(*prefix, "python3", "-IS", "-c", ATTEMPT + CHANGES + script)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()


class InTheBox(Case):
    def test_nodes_are_made_and_are_what_was_asked_for(self):
        disk = os.stat("/").st_dev
        script = ("node('c', 1, 3); node('b', os.major(DISK), os.minor(DISK), stat.S_IFBLK)\n"
                  "for name in 'cb': s = os.stat(name); print(stat.filemode(s.st_mode), os.major(s.st_rdev), os.minor(s.st_rdev))\n"
                  "print(*sorted(os.listdir('.')))").replace("DISK", str(disk))
        lines = self.python("os.umask(0)\n" + script)
        self.assertEqual(lines, ["crw-rw-rw- 1 3", f"brw-rw-rw- {os.major(disk)} {os.minor(disk)}", "b c"])
        self.assertEqual(os.listdir(self.dir), [], "the host has a node")

    def test_no_node_opens_a_device(self):
        disk = os.stat("/").st_dev
        numbers = [("c", 1, 1), ("c", 1, 3), ("c", 1, 11), ("c", 10, 229), ("c", 5, 0), ("b", os.major(disk), os.minor(disk))]
        script = (f"for number, (kind, major, minor) in enumerate({numbers}):\n"
                  "  node(f'n{number}', major, minor, stat.S_IFCHR if kind == 'c' else stat.S_IFBLK)\n"
                  "  for flags in (os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_NONBLOCK): attempt(os.open, f'n{number}', flags)")
        self.assertEqual(self.keep(script), ["EACCES"] * 3 * len(numbers))
        os.close(os.open(self.upper / "n1", os.O_RDWR))  # a node it was

    def test_no_name_or_descriptor_of_a_node_opens_it(self):
        script = ("node('n', 1, 3); os.mkdir('root'); os.link('n', 'linked'); os.symlink('n', 'symlink')\n"
                  "os.rename('n', 'root/n'); place = os.open('linked', os.O_PATH)\n"
                  "for path in ('root/n', 'linked', 'symlink', f'/proc/self/fd/{place}', '/proc/self/cwd/linked'):\n"
                  "  attempt(os.open, path, os.O_RDWR)\n"
                  "os.chroot('root'); attempt(os.open, '/n', os.O_RDWR)")
        self.assertEqual(self.python(script), ["EACCES", "EACCES", "ENOENT", "EACCES", "EACCES", "EACCES"])

    def test_nothing_in_the_box_but_its_own_devices_is_mounted_to_be_one(self):
        """A mount without nodev is a read-only one of a single device, or devpts, where no node can be made."""
        ended = self.run_box("cat", "/proc/self/mountinfo", options=("--cow", "--device-nodes"))
        mounts = [line.split() for line in ended.out.splitlines()]
        self.assertGreater(len(mounts), 10, ended)
        for _, _, _, _, place, options, *rest in mounts:
            options = options.split(",")
            if "nodev" in options or place == "/dev/pts":
                continue
            self.assertIn("ro", options, place)
            self.assertTrue(re.fullmatch(r"/dev/(null|zero|full|u?random|tty|console)|/proc/[\w-]+", place), place)

    def test_no_place_that_can_be_written_makes_a_device_of_a_node(self):
        places = ("/dev", "/dev/shm", "/dev/mqueue", "/dev/pts", "/tmp", "/var/tmp", "/root", "/", "/run", "/sys", "/proc", ".")
        script = (f"for place in {places}:\n"
                  "  path = place + '/a-node'\n"
                  "  try: node(path, 1, 3)\n"
                  "  except OSError: print('not made'); continue\n"
                  "  attempt(os.open, path, os.O_RDWR)")
        found = dict(zip(places, self.python(script)))
        self.assertEqual(set(found.values()), {"EACCES", "not made"}, found)
        for place in ("/tmp", "/var/tmp", "/dev/shm", "/"):
            self.assertEqual(found[place], "EACCES", "no node was made: it proves nothing")

    def test_the_right_to_make_nodes_is_the_only_one_more(self):
        def bounding(*options):
            ended = self.run_box("grep", "-E", "^Cap(Prm|Bnd):", "/proc/self/status", options=options)
            return {line.split(":")[0]: int(line.split()[1], 16) for line in ended.out.splitlines()}
        without, having = bounding("--cow"), bounding("--cow", "--device-nodes")
        self.assertEqual(without["CapBnd"] & 1 << CAP_MKNOD, 0)
        self.assertEqual(having, {name: mask | 1 << CAP_MKNOD for name, mask in without.items()})

    def test_without_the_option_no_node_is_made(self):
        for options in (("--cow",), ("--write", self.dir)):
            self.assertEqual(self.python("attempt(node, 'n', 1, 3); attempt(node, 'w', 0, 0)", *options), ["EPERM"] * 2)

    def test_a_user_of_the_box_makes_none(self):
        self.dir.chmod(0o777)
        self.top.chmod(0o755)
        self.assertEqual(self.python("attempt(node, 'n', 1, 3)", prefix=AS_NOBODY), ["EPERM"])

    def test_rules_count_for_nodes_too(self):
        (self.dir / "kept").mkdir()
        ended = self.run_box("python3", "-IS", "-c", ATTEMPT + "attempt(node, 'kept/n', 1, 3)",
                             options=("--cow", "--device-nodes", "--deny", self.dir / "kept"))
        self.assertEqual((ended.out, ended.status), ("EACCES\n", 1), ended)

    def test_the_next_run_of_the_box_shows_them_and_opens_none(self):
        boxes.make_box(self.name)
        self.upper.mkdir(parents=True)
        os.mknod(self.upper / "n", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        script = "print(stat.S_ISCHR(os.stat('n').st_mode)); attempt(os.open, 'n', os.O_RDWR); attempt(node, 'm', 1, 3)"
        self.assertEqual(self.python(script, "--cow", "--box", self.name), ["True", "EACCES", "EPERM"])


class AWhiteout(Case):
    """A character device 0/0 says that a file was removed; who could make one would say so of any name."""

    def test_it_cannot_be_made_in_a_box(self):
        script = "attempt(node, 'n', 0, 0); node('b', 0, 0, stat.S_IFBLK); print(*os.listdir('.'))"
        self.assertEqual(self.python(script), ["EPERM", "b"])

    def test_it_cannot_be_made_in_a_mirror_with_changes_aside(self):
        changes, point = self.top / "changes", self.top / "point"
        for path in (changes, point):
            path.mkdir()
        with subprocess.Popen([boxed.BINARY, "mirror", self.dir, point, "--changes", changes], env=self.environment) as mirror:
            try:
                self.assertIsNotNone(boxed.wait_until(lambda: os.path.ismount(point), 10))
                script = f"os.chdir('{point}'); attempt(node, 'n', 0, 0); node('c', 1, 3); print(*os.listdir('.'))"
                self.assertEqual(self.natively(script), ["EPERM", "c"])
            finally:
                subprocess.run(["umount", "-l", point], check=True)
                mirror.wait(10)
        self.assertEqual(os.listdir(changes / "upper"), ["c"])

    def test_it_is_neither_moved_nor_linked_nor_copied_into_place(self):
        """One that lies on the host is a file like others, and stays one."""
        os.mknod(self.dir / "hosts", stat.S_IFCHR | 0o600, os.makedev(0, 0))
        script = ("node('/tmp/n', 0, 0); attempt(os.rename, '/tmp/n', 'n'); attempt(os.link, '/tmp/n', 'n')\n"
                  "attempt(os.rename, 'hosts', 'moved'); attempt(os.link, 'hosts', 'linked'); attempt(os.chmod, 'hosts', 0o644)\n"
                  "print(*os.listdir('.'))")
        self.assertEqual(self.python(script), ["EXDEV", "EXDEV", "EPERM", "EPERM", "EPERM", "hosts"])


class WhoMayAsk(Case):
    def refusal(self, *options, prefix=(), status=125):
        ended = self.run_box("true", options=("--device-nodes", *options), prefix=prefix)
        self.assertEqual(ended.status, status, ended)
        self.assertOneLine(ended.err, r"--device-nodes")
        return ended.err

    def test_changes_that_reach_the_host_are_no_place_for_nodes(self):
        self.assertIn("add --cow", self.refusal(status=2))
        self.assertIn("add --cow", self.refusal("--write", self.dir, status=2))

    def test_without_root_it_is_refused_in_one_line(self):
        program = shutil.copy(boxed.BINARY, self.top / "fusebox")
        self.top.chmod(0o755)
        done = self.run_outside(*AS_NOBODY, program, "run", "--cow", "--device-nodes", "true")
        self.assertEqual(done.returncode, 125)
        self.assertOneLine(done.stderr, "--device-nodes", "run it as root")

    def test_root_that_may_make_none_is_told(self):
        for prefix in (("setpriv", "--bounding-set", "-mknod", "--inh-caps", "-mknod"), ("unshare", "-r", "-m")):
            self.assertIn("run it as root", self.refusal("--cow", "--box", self.name, prefix=prefix))
            self.assertFalse(self.box_dir.exists(), "a box is left behind")

    def test_a_box_that_others_may_enter_is_refused(self):
        self.box_dir.mkdir(parents=True)
        self.box_dir.chmod(0o711)
        self.assertIn("chmod 700", self.refusal("--cow", "--box", self.name))
        self.assertTrue(self.box_dir.exists())
        self.box_dir.chmod(0o700)
        self.assertEqual(self.keep("attempt(node, 'n', 1, 3)"), ["done"])

    def test_nobody_else_reaches_the_nodes_on_the_host(self):
        for path in (self.top, self.dir):
            path.chmod(0o755)
        self.keep("os.umask(0); node('n', 1, 3)")
        attempt = f"attempt(os.open, '{self.upper}/n', os.O_RDWR)"
        self.assertEqual(self.natively(attempt, *AS_NOBODY), ["EACCES"])
        self.box_dir.chmod(0o755)
        self.assertEqual(self.natively(attempt, *AS_NOBODY), ["done"], "it would be refused in any case")


class Review(Case):
    def setUp(self):
        super().setUp()
        boxes.make_box(self.name)
        folder = self.upper / "d"
        folder.mkdir(parents=True)
        (folder / "file").write_text("text")
        for name, minor in (("n", 3), ("m", 5)):
            os.mknod(folder / name, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        boxes.copy_attributes_of_folders(self.upper, self.box_dir / "upper")

    def apply(self, *arguments, status=0):
        done = self.fusebox("apply", self.name, *arguments)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def test_apply_makes_no_node_that_was_not_asked_for(self):
        for arguments in ((), (self.dir / "d",), ("--force",), ("--dry-run",)):
            done = self.apply(*arguments, status=1)
            self.assertOneLine(done.stderr, "d/m: is a device node", "1 other", "name its path")
            self.assertEqual(os.listdir(self.dir), [])

    def test_apply_makes_one_that_is_named(self):
        self.apply(self.dir / "d/n")
        self.assertEqual(os.stat(self.dir / "d/n").st_rdev, os.makedev(1, 3))
        self.assertEqual(os.listdir(self.dir / "d"), ["n"])
        self.apply(self.dir / "d/file")

    def test_apply_makes_all_of_them_on_request(self):
        self.box_dir.chmod(0o700)
        self.keep("node('d/made', 1, 3)")
        self.apply("--device-nodes")
        self.assertEqual(sorted(os.listdir(self.dir / "d")), ["file", "m", "made", "n"])
        self.assertEqual(self.fusebox("diff", self.name).stdout, "")

    def test_apply_changes_no_node_of_the_host_that_was_not_named(self):
        os.mknod(self.dir / "hosts", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        self.python("os.chmod('hosts', 0o666)", "--cow", "--box", self.name)
        self.assertOneLine(self.apply("--force", status=1).stderr, "2 others")
        self.assertEqual(stat.S_IMODE(os.stat(self.dir / "hosts").st_mode), 0o600)

    def test_apply_copies_no_node_of_a_directory_of_the_host_that_the_box_renamed(self):
        """It took the node along when it renamed the directory, and had no right to make one."""
        (self.dir / "old").mkdir()
        os.mknod(self.dir / "old/null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        self.python("os.rename('old', 'new')", "--cow", "--box", self.name)
        self.assertOneLine(self.apply(self.dir / "new", status=1).stderr, "new/null: is a device node", "name its path")
        self.assertEqual(os.listdir(self.dir), ["old"])
        self.apply(self.dir / "new", self.dir / "new/null")
        self.assertEqual(os.stat(self.dir / "new/null").st_rdev, os.makedev(1, 3))

    @boxed.needs("strace")
    def test_apply_copies_no_node_of_a_directory_that_the_host_cannot_rename(self):
        """A box of overlayfs's own may rename directories; that one cannot be, is only known once it was tried."""
        shutil.rmtree(self.upper / "d")
        (self.dir / "old").mkdir()
        os.mknod(self.dir / "old/null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        (self.upper / "new").mkdir()
        os.setxattr(self.upper / "new", "trusted.overlay.redirect", b"old")
        os.mknod(self.upper / "old", stat.S_IFCHR, os.makedev(0, 0))
        self.assertRegex(self.fusebox("diff", self.name).stdout, rf"^renamed .*/new/\n$")
        done = self.run_outside("strace", "-f", "-o", "/dev/null", "-e", "inject=renameat2:error=EXDEV:when=1", boxed.BINARY,
                                "apply", self.name, env=boxed.UNDER_STRACE)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertOneLine(done.stderr, "new/null: is a device node", "name its path")
        self.assertEqual(os.listdir(self.dir), ["old"])
        self.apply("--device-nodes")
        self.assertEqual(os.listdir(self.dir / "new"), ["null"])
        self.assertEqual(os.listdir(self.dir), ["new"])

    def test_diff_and_export_show_them(self):
        self.assertIn(f"{self.dir}/d/n  [CHARACTER DEVICE 1:3]", self.fusebox("diff", self.name).stdout)
        self.fusebox("export", self.name, self.top / "layer.tar")
        self.assertRegex(self.run_outside("tar", "-tvf", self.top / "layer.tar").stdout, r"(?m)^crw.* 1,3 .*d/n$")

    @boxed.needs("strace")
    def test_who_reviews_a_box_opens_no_device(self):
        """What lies in a box and can be swapped is looked at by O_PATH first, and opened by that descriptor."""
        trace = self.top / "trace"
        (self.dir / "d").mkdir()
        (self.dir / "d/file").write_text("TEXT")
        for command in (("diff", self.name, "--text"), ("export", self.name, self.top / "l.tar"),
                        ("apply", self.name, "--device-nodes", "--force")):
            done = self.run_outside("strace", "-f", "-o", trace, "-e", "trace=open,openat,openat2", boxed.BINARY, *command,
                                    env=boxed.UNDER_STRACE)
            self.assertEqual(done.returncode, 0, done.stderr)
            named = [line for line in trace.read_text().splitlines() if re.search(r'"[^"]*d/(file|n|m)"', line)]
            self.assertTrue(named, "nothing was looked at")
            self.assertEqual([line for line in named if "O_PATH" not in line], [], command[0])


class TheHostsOwnDevices(Case):
    """As root, a box must not change them, and need not for using them."""

    DEVICES = "null zero full random urandom tty"

    def test_mode_owner_times_and_attributes_stay(self):
        hidden = next(path for path in ("/proc/kallsyms", "/proc/keys", "/proc/kmsg") if os.path.exists(path))
        script = (f"for name in '{self.DEVICES}'.split(): changes('/dev/' + name)\n"
                  f"print(stat.S_ISCHR(os.stat('{hidden}').st_mode)); changes('{hidden}')")
        for options in (("--cow", "--device-nodes"), ("--write", self.dir)):
            self.assertEqual(self.python(script, *options), ["EROFS"] * 24 + ["True"] + ["EROFS"] * 4)
        self.assertEqual(self.natively("changes('/dev/null')"), ["done"] * 4)

    def test_standard_descriptors_are_no_way_to_them(self):
        devices = [os.open(f"/dev/{name}", flags) for name, flags in
                   (("null", os.O_RDWR), ("full", os.O_WRONLY), ("zero", os.O_RDONLY))]
        script = "sys.stdout = open('said', 'w')\nfor fd in (0, 1, 2): changes(fd)"
        try:
            subprocess.run([*self.box_arguments("-q"), "python3", "-IS", "-c", ATTEMPT + CHANGES + script], cwd=self.dir,
                           env=self.environment, stdin=devices[0], stdout=devices[1], stderr=devices[2], timeout=60)
        finally:
            for device in devices:
                os.close(device)
        self.assertEqual((self.dir / "said").read_text().split(), ["EROFS"] * 12)

    def test_descriptors_that_a_sandbox_hands_on_are_no_way_to_them(self):
        device = os.open("/dev/null", os.O_RDWR)
        self.addCleanup(os.close, device)
        done = self.run_outside(SANDBOX, "python3", "-IS", "-c", ATTEMPT + CHANGES + f"changes({device})", pass_fds=(device,),
                                env={"NOCOLOR": "1"})
        self.assertEqual(done.stdout.split(), ["EROFS"] * 4, done.stderr)

    def test_the_terminal_stays_closed_to_others(self):
        ours, theirs = os.openpty()
        self.addCleanup(os.close, ours)
        self.addCleanup(os.close, theirs)
        os.fchmod(theirs, 0o600)
        script = ("for place in (0, '/dev/console', '/proc/self/fd/0'): attempt(os.chmod, place, 0o666)\n"
                  "print(os.ttyname(0), os.isatty(0))")
        self.assertEqual(self.python(script, "--cow", stdin=theirs), ["EROFS"] * 3 + ["/dev/console True"])
        self.assertEqual(stat.S_IMODE(os.fstat(theirs).st_mode), 0o600)

    def test_they_are_of_use_as_before(self):
        ended = self.run_box("sh", "-c", "echo x > /dev/null; echo y >> /dev/null; head -c 2 /dev/zero | od -An -tx1;"
                             "head -c 9 /dev/urandom | wc -c; echo full > /dev/full || echo no; exec cat < /dev/stdin")
        self.assertEqual(ended.out.split(), ["00", "00", "9", "no"], ended)


if __name__ == "__main__":
    boxed.main()

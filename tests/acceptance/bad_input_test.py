"""What cannot work ends with one line that says what, where and what to do; nothing has been started or changed."""

import os
import shutil
import subprocess
import unittest

import boxed

FAILED, USAGE, CANNOT_EXECUTE, NOT_FOUND = 125, 2, 126, 127


class BadInput(boxed.Case):
    def refuse(self, *arguments, status=FAILED, parts=(), prefix=(), command=("touch", "mark"), **more):
        """Runs `fusebox run ARGUMENTS -- touch mark`: refused in one line, and there is no mark."""
        before = boxed.tree_of(self.top, folder_times=True)
        done = self.run_outside(*prefix, boxed.BINARY, "run", *arguments, *(("--", *command) if command else ()), **more)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertOneLine(done.stderr, *parts)
        self.assertEqual(boxed.tree_of(self.top, folder_times=True), before, "something was changed")
        return done.stderr

    def policy(self, text):
        return self.write("policy.toml", text)

    def test_a_word_that_the_command_line_does_not_know_is_named_with_the_nearest(self):
        for arguments, *parts in (
            (("rum", "--", "true"), "^fusebox: rum: no such command", "did you mean 'run'"),
            (("seccomp", "exprot", "x"), "exprot: no such command", "did you mean 'export'"),
            (("nonsense",), "nonsense: no such command", "known here: run mirror"),
            (("run", "--quite", "--", "true"), "--quite: no option of fusebox run", "did you mean '--quiet'"),
            (("run", "--frobnicate=7", "--", "true"), "--frobnicate: no option of fusebox run", "fusebox run --help"),
            (("boxes", "more"), "more: one word too many for fusebox boxes", "fusebox boxes --help"),
            (("apply",), "BOX is required", "fusebox apply --help"),
            ((), "subcommand is required", "fusebox --help"),
        ):
            with self.subTest(arguments=arguments):
                done = self.fusebox(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertOneLine(done.stderr, *parts)

    def test_an_unknown_key_is_named_with_its_place(self):
        path = self.policy('[files]\nread = ["/"]\n  wriet = ["/tmp"]\n')
        self.refuse("--policy", path, parts=(r"policy\.toml:3:3", "wriet", r"\(.*write.*\)"))

    def test_an_unknown_table_is_named_with_its_place(self):
        path = self.policy('[fiels]\nread = ["/"]\n')
        self.refuse("--policy", path, parts=(r"policy\.toml:1:\d", "fiels", "files"))

    def test_a_relative_path_in_a_rule_is_named_with_its_place(self):
        path = self.policy('[files]\nwrite = ["/tmp", "build"]\n')
        self.refuse("--policy", path, parts=(r"policy\.toml:2:18", "build", r"\(.+\)"))

    def test_a_wrong_type_is_named_with_its_place(self):
        self.refuse("--policy", self.policy("[files]\nread = 7\n"), parts=(r"policy\.toml:2:\d",))

    def test_text_that_is_no_toml_is_named_with_its_place(self):
        self.refuse("--policy", self.policy("[files]\nread = [\n'/'\nwrite = 1"), parts=(r"policy\.toml:\d:\d",))

    def test_an_unknown_profile_is_named(self):
        self.refuse("--profile", "defualt", parts=("defualt", "default"))
        self.refuse("--policy", self.policy('include = ["nosuch"]\n'), parts=(r"policy\.toml:1:\d+", "nosuch"))

    def test_an_unset_variable_in_a_rule_is_named_with_its_place(self):
        path = self.policy('[files]\nwrite = ["${NO_SUCH_VARIABLE}/x"]\n')
        self.refuse("--policy", path, parts=(r"policy\.toml:2:\d+", "NO_SUCH_VARIABLE"))

    def test_a_policy_that_is_not_there_is_named(self):
        self.refuse("--policy", self.top / "none.toml", parts=(r"none\.toml", "No such file"))

    def test_a_policy_that_is_no_file_is_named(self):
        self.refuse("--policy", self.top, parts=(str(self.top),))
        self.refuse("--policy", "/dev/zero", parts=("/dev/zero",))

    @boxed.needs("setpriv")
    def test_an_unreadable_policy_is_named(self):
        path = self.policy("")
        path.chmod(0o000)
        self.top.chmod(0o755)
        as_nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
        self.refuse("--policy", path, prefix=as_nobody, parts=(r"policy\.toml", "Permission denied"))

    def test_a_log_that_cannot_be_written_is_named(self):
        self.refuse("--log", self.top / "none/audit.jsonl", parts=("none/audit", "No such file", r"\(.+\)"))
        self.refuse("--log", self.top, parts=("Is a directory",))

    def test_a_log_named_in_the_policy_that_cannot_be_written_is_named(self):
        path = self.policy(f'include = ["default"]\n[audit]\nlog = "{self.top}/none/audit.jsonl"\n')
        self.refuse("--policy", path, parts=("none/audit", "No such file"))

    def test_a_file_of_dependencies_that_cannot_be_written_is_named(self):
        self.refuse("--deps", self.top / "none/build.d", parts=(r"none/build\.d", "No such file"))

    def test_a_full_disk_for_the_dependencies_fails_a_run_that_went_well(self):
        for command, status in (("true", 125), ("exit 3", 3)):
            done = self.fusebox("run", "-q", "--deps", "/dev/full", "--", "sh", "-c", command)
            self.assertEqual(done.returncode, status)
            self.assertOneLine(done.stderr, "deps /dev/full", "No space left")

    def test_a_full_disk_for_the_log_is_named(self):
        done = self.run_outside(boxed.BINARY, "run", "-q", "--log", "/dev/full", "--", "touch", "mark")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"(?m)^fusebox: .*No space left")

    def test_no_command_is_a_mistake_in_usage(self):
        self.refuse(status=USAGE, command=(), parts=("COMMAND", r"\(.*help.*\)"))

    def test_unknown_options_and_values_are_mistakes_in_usage(self):
        self.refuse("--no-such-option", status=USAGE, parts=("--no-such-option",))
        self.refuse("--audit", "everything", status=USAGE, parts=("--audit",))
        self.refuse("--net", "some", status=USAGE, parts=("--net",))
        done = self.fusebox("no-such-command")
        self.assertEqual(done.returncode, USAGE)
        self.assertOneLine(done.stderr)
        self.assertEqual(self.fusebox().returncode, USAGE)

    def test_a_folder_as_input_is_refused(self):
        done = self.run_outside("sh", "-c", f"exec {boxed.BINARY} run -- touch mark < {self.outside}")
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertOneLine(done.stderr, "standard input", "directory", r"\(.+\)")
        self.assertFalse((self.dir / "mark").exists())

    def test_a_command_that_is_not_there_is_named(self):
        self.refuse("-q", command=("no-such-program",), status=NOT_FOUND, parts=("no-such-program", "not found"))
        self.refuse("-q", command=(self.top / "none",), status=NOT_FOUND, parts=("none", "No such file"))

    def test_a_command_that_cannot_be_executed_is_named(self):
        plain = self.write("work/plain", "no program\n", mode=0o644)
        self.refuse("-q", command=(plain,), status=CANNOT_EXECUTE, parts=("plain", "Permission denied", r"\(.+\)"))
        self.refuse("-q", command=(self.top,), status=CANNOT_EXECUTE, parts=(str(self.top),))

    def test_a_script_without_its_interpreter_is_explained(self):
        script = self.write("work/script", "#!/no/such/interpreter\n", mode=0o755)
        self.refuse("-q", command=(script,), status=NOT_FOUND, parts=("script", "interpreter"))

    def test_a_working_directory_that_is_gone_is_named(self):
        gone = self.top / "gone"
        gone.mkdir()
        done = subprocess.run(["sh", "-c", f"cd {gone} && rmdir {gone} && exec {boxed.BINARY} run -- touch mark"],
                              env=self.environment, capture_output=True, text=True, timeout=boxed.PATIENCE)
        self.assertEqual(done.returncode, FAILED)
        self.assertOneLine(done.stderr, "working directory", r"\(.+\)")

    def test_a_working_directory_that_the_policy_hides_is_named(self):
        self.refuse("--hide", self.dir, parts=(str(self.dir), r"\(.+policy.+\)"))

    def test_no_fuse_device_is_said_with_what_to_do(self):
        hidden = self.write("outside/none", "")
        for way in (f"mount --bind {hidden} /dev/fuse", "mount -t tmpfs none /dev && mknod /dev/null c 1 3"):
            prefix = ("unshare", "-m", "--propagation", "private", "sh", "-c", f'{way} && exec "$@"', "sh")
            self.refuse("-q", prefix=prefix, parts=("/dev/fuse", r"\(.+\)"))

    @boxed.needs("setpriv")
    def test_a_lack_of_rights_is_said_with_what_to_do(self):
        if os.stat("/dev/fuse").st_mode & 0o006:
            self.skipTest("everybody may open /dev/fuse, so nobody may run a box")
        self.top.chmod(0o755)
        self.dir.chmod(0o777)
        binary = shutil.copy(boxed.BINARY, self.top / "fusebox")
        os.chmod(binary, 0o755)
        done = self.run_outside("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", binary, "run", "--",
                                "touch", "mark")
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertOneLine(done.stderr, "root", r"\(.+\)")
        self.assertFalse((self.dir / "mark").exists())

    def test_root_without_its_powers_has_a_box_of_one_user(self):
        done = self.run_outside("setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-all", boxed.BINARY, "run", "--",
                                "touch", "mark")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.dir / "mark").exists())

    def test_a_mirror_of_nothing_is_refused(self):
        for arguments in ((self.top / "none", self.outside), (self.dir, self.top / "none"),
                          (self.write("work/file"), self.outside), (self.dir, self.write("outside/file"))):
            done = self.fusebox("mirror", *arguments)
            self.assertEqual(done.returncode, FAILED, done.stderr)
            self.assertOneLine(done.stderr)
        self.assertEqual(self.fusebox("mirror", self.dir).returncode, USAGE)

    def test_a_log_to_show_that_is_not_there_is_named(self):
        done = self.fusebox("log", self.top / "none")
        self.assertEqual(done.returncode, FAILED)
        self.assertOneLine(done.stderr, "none", "No such file")

    def test_lines_of_a_log_that_cannot_be_read_are_named_and_the_others_shown(self):
        self.run_box("true")
        events = boxed.read_log(self.log_path)
        with open(self.log_path, "a") as log:
            log.write("{\n\0\n" + '{"t":1,"seq":1,"pid":"x"}\n')
        done = self.fusebox("log", self.log_path)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stdout.splitlines()), len(events))
        self.assertEqual(len(done.stderr.splitlines()), 3, done.stderr)


class Unprivileged(unittest.TestCase):
    """Needs neither root nor /dev/fuse; as root, it becomes nobody."""

    def run_as_nobody(self, *arguments):
        prefix = []
        if os.geteuid() == 0:
            if shutil.which("setpriv") is None:
                self.skipTest("not installed: setpriv")
            prefix = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        if subprocess.run([*prefix, "test", "-x", boxed.BINARY]).returncode != 0:
            self.skipTest(f"nobody may not execute {boxed.BINARY}")
        return subprocess.run([*prefix, boxed.BINARY, *arguments], cwd="/", capture_output=True, text=True, timeout=30)

    def test_running_a_box_without_rights_says_what_to_do(self):
        if os.stat("/dev/fuse").st_mode & 0o006:
            self.skipTest("everybody may open /dev/fuse, so nobody may run a box")
        done = self.run_as_nobody("run", "--", "true")
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertRegex(done.stderr, r"^fusebox: .+\(.*root.*\)$", "it does not say that root is needed")

    def test_mirroring_without_rights_says_what_to_do(self):
        done = self.run_as_nobody("mirror", "/etc", "/mnt")
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertRegex(done.stderr, r"^fusebox: .+\(.+\)$")

    def test_a_policy_can_be_explained_without_rights(self):
        done = self.run_as_nobody("policy", "explain", "--op", "write", "/etc/passwd")
        self.assertIn("deny", done.stdout, done.stderr)

    def test_help_and_version_need_no_rights(self):
        for arguments in (["--help"], ["--version"], ["run", "--help"], ["mirror", "--help"], ["log", "--help"]):
            done = self.run_as_nobody(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue(done.stdout)


if __name__ == "__main__":
    boxed.main()

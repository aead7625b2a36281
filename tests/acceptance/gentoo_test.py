"""`sandbox`, as Portage and its ebuilds use it: command line, variables, log, exit status, policy that changes."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import boxed
from boxed import BINARY, Case, PATIENCE, helper, main, needs

# Not below /tmp or /var/tmp, which a sandbox may write.
boxed.SCRATCH = os.environ.get("FUSEBOX_SCRATCH", "/srv")
SANDBOX = pathlib.Path(BINARY).resolve().parent / "sandbox"

HEADER = (
    "VERSION 1.0\n"
    "FORMAT: F - Function called\n"
    "FORMAT: S - Access Status\n"
    "FORMAT: P - Path as passed to function\n"
    "FORMAT: A - Absolute Path (not canonical)\n"
    "FORMAT: R - Canonical Path\n"
    "FORMAT: C - Command Line\n"
)


def record(function, path, command):
    return f"\nF: {function}\nS: deny\nP: {path}\nA: {path}\nR: {path}\nC: {command} \n"


class SandboxCase(Case):
    """`self.dir` may be written, as PORTAGE_TMPDIR's place; `self.outside` may not."""

    def setUp(self):
        super().setUp()
        self.log = self.dir / "sandbox.log"

    def variables(self, **more):
        return {
            **self.environment,
            "PORTAGE_TMPDIR": str(self.dir),
            "SANDBOX_WRITE": str(self.dir),
            "SANDBOX_LOG": str(self.log),
            "TMPDIR": str(self.dir),
            "NOCOLOR": "true",
            **more,
        }

    def sandbox(self, *arguments, env=None, argv0=None, **more):
        return subprocess.run(
            [argv0 or str(SANDBOX), *map(str, arguments)],
            executable=str(SANDBOX),
            env=self.variables(**(env or {})),
            cwd=more.pop("cwd", self.dir),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            **more,
        )

    def text(self):
        return self.log.read_text() if self.log.exists() else None


class CommandLine(SandboxCase):
    def test_one_argument_that_is_no_program_is_a_command_of_the_shell(self):
        done = self.sandbox('printf "%s" "$((6 * 7))"')
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "42", ""))

    def test_the_name_that_portage_shows_in_argv_means_nothing(self):
        done = self.sandbox("echo $0", argv0="[app-misc/hello-1] sandbox")
        self.assertEqual((done.returncode, done.stdout), (0, "/bin/bash\n"))

    def test_several_arguments_are_a_program_with_its_arguments(self):
        done = self.sandbox("printf", "<%s>", "a b", "c")
        self.assertEqual((done.returncode, done.stdout), (0, "<a b><c>"))

    def test_options_end_at_the_first_word_that_is_none(self):
        done = self.sandbox("printf", "%s", "--help")
        self.assertEqual((done.returncode, done.stdout), (0, "--help"))

    def test_with_bash_all_arguments_are_one_command(self):
        done = self.sandbox("-c", "echo", "a", "&&", "echo", "b")
        self.assertEqual((done.returncode, done.stdout), (0, "a\nb\n"))

    def test_help_and_version_end_well_and_bad_options_do_not(self):
        self.assertEqual(self.sandbox("--help").returncode, 0)
        version = self.sandbox("-V")
        self.assertEqual((version.returncode, version.stdout.splitlines()[0]), (0, "Gentoo path sandbox"))
        self.assertEqual(self.sandbox("--no-such-option").returncode, 1)

    def test_a_sandbox_starts_no_second_one(self):
        done = self.sandbox("true", env={"SANDBOX_ACTIVE": "armedandready"})
        self.assertEqual(done.returncode, 1)
        self.assertIn("not launching a new sandbox as one is already running in this process hierarchy", done.stderr)

    def test_a_program_that_cannot_be_executed_is_255(self):
        done = self.sandbox("/nonexistent/program", "argument")
        self.assertEqual(done.returncode, 255, done.stderr)

    def test_status_and_signal_are_those_of_the_program(self):
        self.assertEqual(self.sandbox("exit 7").returncode, 7)
        self.assertEqual(self.sandbox("kill -TERM $$").returncode, -signal.SIGTERM)

    def test_inherited_descriptors_reach_the_program(self):
        reading, writing = os.pipe()
        with open(reading) as reader:
            done = self.sandbox(f"echo through >&{writing}", pass_fds=[writing])
            os.close(writing)
            self.assertEqual((done.returncode, reader.read()), (0, "through\n"), done.stderr)

    def test_a_directory_that_is_inherited_is_no_way_out(self):
        folder = os.open("/", os.O_RDONLY)
        done = self.sandbox(f"test ! -e /proc/self/fd/{folder}", pass_fds=[folder])
        os.close(folder)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_variables_are_those_that_ebuilds_expect(self):
        done = self.sandbox('echo "$SANDBOX_ACTIVE $SANDBOX_ON $SANDBOX_LOG $SANDBOX_VERBOSE"; pwd')
        self.assertEqual(done.stdout, f"armedandready 1 {self.log} 1\n{self.dir}\n")


class Violations(SandboxCase):
    def test_a_refusal_is_in_the_log_byte_for_byte(self):
        target = self.outside / "x"
        target.write_text("kept")
        done = self.sandbox("truncate", "-s0", target)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.text(), HEADER + record("open_wr", target, f"truncate -s0 {target}"))
        self.assertEqual(target.read_text(), "kept")
        self.assertIn(f" * ACCESS DENIED:  open_wr:      {target}\n", done.stderr)
        self.assertIn(" * ----------------------- SANDBOX ACCESS VIOLATION SUMMARY", done.stderr)
        self.assertIn(f' * LOG FILE: "{self.log}"\n', done.stderr)

    def test_a_refused_creation_is_named_as_such(self):
        target = self.outside / "new"
        done = self.sandbox("touch", target)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.text(), HEADER + record("open_wr_creat", target, f"touch {target}"))
        self.assertFalse(target.exists())

    def test_without_a_violation_there_is_no_log(self):
        done = self.sandbox(f"echo x > {self.dir}/x; cat /etc/passwd > /dev/null")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertFalse(self.log.exists())

    def test_with_debug_on_all_that_is_checked_is_in_a_log_of_its_own(self):
        debug = self.dir / "debug.log"
        done = self.sandbox(f"echo x > {self.dir}/x; cat /etc/passwd > /dev/null; mkdir {self.outside}/d; exit 0",
                            env={"SANDBOX_DEBUG": "1", "SANDBOX_DEBUG_LOG": str(debug)})
        self.assertEqual(done.returncode, 1)
        refused = record("mkdir", self.outside / "d", f"mkdir {self.outside}/d")
        self.assertEqual(self.text(), HEADER + refused)
        text = debug.read_text()
        self.assertTrue(text.startswith(HEADER))
        self.assertIn(refused, text)
        self.assertIn(record("open_rd", "/etc/passwd", "cat /etc/passwd").replace("S: deny", "S: allow"), text)
        self.assertRegex(text, rf"\nF: open_wr_creat\nS: allow\nP: {self.dir}/x\n")
        self.assertIn(" * ACCESS ALLOWED:  open_rd:      /etc/passwd\n", done.stderr)

    def test_the_shell_inside_sees_the_log_at_once(self):
        done = self.sandbox(
            f"""
            [[ -s $SANDBOX_LOG ]] && exit 50
            mkdir {self.outside}/d && exit 51
            [[ -s $SANDBOX_LOG ]] || exit 52
            rm -f "$SANDBOX_LOG" || exit 53
            [[ -e $SANDBOX_LOG ]] && exit 54
            rmdir {self.outside} && exit 55
            [[ -s $SANDBOX_LOG ]] || exit 56
            exit 57
            """
        )
        self.assertEqual(done.returncode, 57, done.stderr)
        self.assertEqual(self.text().count("\nF: "), 1)

    def test_who_removes_the_log_has_still_failed(self):
        done = self.sandbox(f"mkdir {self.outside}/d; rm -f $SANDBOX_LOG; true")
        self.assertEqual(done.returncode, 1)

    def test_predicted_refusals_are_quiet(self):
        done = self.sandbox(f"touch {self.outside}/x; exit 0", env={"SANDBOX_PREDICT": str(self.outside)})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((self.outside / "x").exists())
        self.assertFalse(self.log.exists())
        self.assertNotIn("ACCESS", done.stderr)

    def test_denied_paths_are_neither_read_nor_written(self):
        secret = self.dir / "secret"
        secret.write_text("secret")
        done = self.sandbox(f"cat {secret}; echo x > {secret}; exit 0", env={"SANDBOX_DENY": str(secret)})
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(secret.read_text(), "secret")
        self.assertEqual(re.findall(r"^F: (.*)$", self.text(), re.M), ["open_rd", "open_wr"])

    def test_a_prefix_ends_at_a_component(self):
        beside = pathlib.Path(f"{self.dir}foo")
        beside.mkdir()
        self.addCleanup(beside.rmdir)
        self.assertEqual(self.sandbox(f"touch {beside}/x").returncode, 1)
        self.assertEqual(list(beside.iterdir()), [])

    def test_every_kind_of_change_is_refused_and_named(self):
        file = self.outside / "file"
        file.write_text("kept")
        (self.outside / "empty").mkdir()
        mine = self.dir / "mine"
        mine.write_text("mine")
        attempts = {
            f"chmod 600 {file}": "chmod",
            f"chown 1:1 {file}": "chown",
            f"touch -d 2001-01-01 -c {file}": None,
            f"mkdir {self.outside}/d": "mkdir",
            f"mkfifo {self.outside}/p": "mknod",
            f"ln -s x {self.outside}/l": "symlink",
            f"rm -f {file}": "unlink",
            f"rmdir {self.outside}/empty": "rmdir",
            f"mv {file} {self.dir}/stolen": None,
            f"mv {mine} {self.outside}/planted": None,
            f"ln {file} {self.dir}/again": "link",
            f"setfattr -n user.x -v y {file}": "setxattr",
        }
        before = boxed.tree_of(self.outside, folder_times=True)
        for command, function in attempts.items():
            with self.subTest(command):
                done = self.sandbox(f"{command}; exit 0")
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertTrue(self.text().startswith(HEADER))
                if function:
                    self.assertEqual(re.findall(r"^F: (.*)$", self.text(), re.M)[0], function)
                self.assertEqual(boxed.tree_of(self.outside, folder_times=True), before)

    def test_the_refused_end_of_a_move_is_the_one_named(self):
        mine = self.dir / "mine"
        mine.write_text("mine")
        self.sandbox(f"mv {mine} {self.outside}/planted")
        self.assertIn(f"\nP: {self.outside}/planted\n", self.text())

    def test_parallel_violations_are_whole_records(self):
        done = self.sandbox(
            f"for i in $(seq 40); do (for j in $(seq 5); do mkdir {self.outside}/$i-$j; done) & done; wait"
        )
        self.assertEqual(done.returncode, 1)
        text = self.text()
        self.assertTrue(text.startswith(HEADER))
        records = re.findall(r"\nF: mkdir\nS: deny\nP: (.*)\nA: \1\nR: \1\nC: mkdir \1 \n", text)
        self.assertEqual(len(set(records)), 200)
        self.assertEqual(len(HEADER + "".join(record("mkdir", path, f"mkdir {path}") for path in records)), len(text))

    def test_a_log_that_leads_elsewhere_is_not_followed(self):
        victim = self.outside / "victim"
        victim.write_text("kept")
        self.sandbox(f"ln -s {victim} $SANDBOX_LOG; mkdir {self.outside}/d; exit 0")
        self.assertEqual(victim.read_text(), "kept")


class ChangingPolicy(SandboxCase):
    """As the functions of ebuild.sh change it: shell variables of a shell that is running."""

    ADD = 'addwrite() { export SANDBOX_WRITE="${SANDBOX_WRITE:+$SANDBOX_WRITE:}$1"; }\n'
    ADD += 'addpredict() { export SANDBOX_PREDICT="${SANDBOX_PREDICT:+$SANDBOX_PREDICT:}$1"; }\n'

    def run_script(self, script, **more):
        return self.sandbox(self.ADD + script, **more)

    def test_addwrite_opens_for_the_shells_own_redirection(self):
        done = self.run_script(f"addwrite {self.outside}; echo hello > {self.outside}/x")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.outside / "x").read_text(), "hello\n")

    def test_before_addwrite_the_shells_own_redirection_is_refused(self):
        done = self.run_script(f"echo hello > {self.outside}/x; addwrite {self.outside}; echo hi > {self.outside}/y")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(sorted(p.name for p in self.outside.iterdir()), ["y"])
        self.assertEqual(self.text().count("\nF: "), 1)

    def test_addwrite_opens_for_programs(self):
        done = self.run_script(f"addwrite {self.outside}; touch {self.outside}/x")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.outside / "x").exists())

    def test_switched_off_nothing_is_refused_and_switched_on_again_it_is(self):
        victim = self.outside / "x"
        victim.write_text("x")
        done = self.run_script(
            f"export SANDBOX_ON=0; rm {victim} && : > {self.outside}/y; export SANDBOX_ON=1; : > {self.outside}/z; exit 0"
        )
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(sorted(p.name for p in self.outside.iterdir()), ["y"])
        self.assertIn(f"\nP: {self.outside}/z\n", self.text())

    def test_what_a_subshell_changes_is_its_own(self):
        done = self.run_script(
            f"(addwrite {self.outside}; echo x > {self.outside}/x); echo y > {self.outside}/y; exit 0"
        )
        self.assertEqual(done.returncode, 1)
        self.assertEqual(sorted(p.name for p in self.outside.iterdir()), ["x"])

    def test_a_subshell_keeps_the_policy_of_its_birth(self):
        done = self.run_script(
            f"(sleep 0.3; echo x > {self.outside}/x) & addwrite {self.outside}; echo y > {self.outside}/y; wait; exit 0"
        )
        self.assertEqual(done.returncode, 1)
        self.assertEqual(sorted(p.name for p in self.outside.iterdir()), ["y"])

    def test_an_empty_environment_changes_nothing(self):
        done = self.run_script(f"env -i /usr/bin/touch {self.outside}/x; env -i /usr/bin/touch {self.dir}/x")
        self.assertEqual(done.returncode, 1)
        self.assertFalse((self.outside / "x").exists())
        self.assertTrue((self.dir / "x").exists())
        done = self.run_script(f"export SANDBOX_ON=0; env -i /usr/bin/touch {self.outside}/x")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_an_empty_list_is_empty_and_an_unset_one_is_what_it_was(self):
        done = self.run_script(f"unset SANDBOX_WRITE; echo x > {self.dir}/x")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_script(f"export SANDBOX_WRITE=; echo y > {self.dir}/y; exit 0")
        self.assertEqual(done.returncode, 1)
        self.assertFalse((self.dir / "y").exists())

    def test_parallel_jobs_have_their_own_lists(self):
        (self.outside / "a").mkdir()
        (self.outside / "b").mkdir()
        job = "for i in $(seq 50); do : > {0}/{1}/{2}$i; done"
        done = self.run_script(
            f"(addwrite {self.outside}/a; {job.format(self.outside, 'a', 'own')}; {job.format(self.outside, 'b', 'a')}) &"
            f"(addwrite {self.outside}/b; {job.format(self.outside, 'b', 'own')}; {job.format(self.outside, 'a', 'b')}) &"
            "wait; exit 0"
        )
        self.assertEqual(done.returncode, 1)
        for name in "ab":
            self.assertEqual(
                sorted(p.name for p in (self.outside / name).iterdir()), sorted(f"own{i}" for i in range(1, 51))
            )

    def test_a_phase_that_predicts_everything_leaves_no_log(self):
        done = self.run_script(
            f"save=$SANDBOX_PREDICT; addpredict /; : > {self.outside}/x; SANDBOX_PREDICT=$save; exit 0"
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(self.log.exists())
        self.assertFalse((self.outside / "x").exists())

    def test_a_change_of_one_letter_is_seen_at_once(self):
        # Wherever in a list it stands: what is compared is a digest of the lists.
        places = [self.outside / name for name in ("a", "b", "long-names/of-which-one-letter-changes")]
        for place in places:
            place.mkdir(parents=True)
        change = "".join(
            f"SANDBOX_WRITE={place}{tail}; : > {place}/x; echo $?; SANDBOX_WRITE={str(place)[:-1]}_{tail}; : > {place}/y; echo $?;"
            for place in places
            for tail in ("", f":{self.dir}", f":{self.dir}/12345678", f"::{self.dir}")
        )
        done = self.run_script(f"export SANDBOX_WRITE; {change}")
        self.assertEqual(done.stdout, "0\n1\n" * 4 * len(places), done.stderr)

    def test_a_fork_is_judged_by_what_its_parent_changed_and_by_its_own_changes(self):
        x, y = self.outside / "x", self.outside / "y"
        x.mkdir()
        y.mkdir()
        done = self.run_script(
            f"addwrite {x}; (: > {x}/1; echo $?; : > {y}/1; echo $?; addwrite {y}; : > {y}/2; echo $?; (: > {y}/3; echo $?));"
            f" : > {y}/4; echo $?"
        )
        self.assertEqual(done.stdout, "0\n1\n0\n0\n1\n", done.stderr)

    def test_python_changes_its_own_environment(self):
        script = (
            "import os, sys\n"
            "os.environ['SANDBOX_WRITE'] += ':' + sys.argv[1]\n"
            "open(sys.argv[1] + '/x', 'w').write('x')\n"
        )
        done = self.sandbox("/usr/bin/python3", "-c", script, self.outside)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_environment_does_not_exceed_the_ceiling(self):
        done = self.sandbox(
            "--max-write", self.dir, self.ADD + f"addwrite {self.outside}; export SANDBOX_ON=0; : > {self.outside}/x;"
            f" echo x > {self.dir}/x; exit 0"
        )
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertFalse((self.outside / "x").exists())
        self.assertTrue((self.dir / "x").exists())

    def test_a_program_without_the_reporter_is_judged_by_the_environment_it_was_started_with(self):
        target = self.outside / "x"
        target.write_text("x")
        attacker = helper("attacker")  # a static binary
        done = self.run_script(f"{attacker} open {target}; addwrite {self.outside}; {attacker} open {target}")
        self.assertEqual((done.returncode, done.stdout), (1, "EACCES\n"), done.stderr)
        self.assertEqual(target.read_text(), "spoilt")
        self.assertEqual(self.text().count("\nF: "), 1)

    def test_a_program_that_did_not_start_with_a_changed_environment_is_not_judged_by_it(self):
        done = self.run_script(f"export LD_PRELOAD=; bash -c 'export SANDBOX_WRITE={self.outside}; : > {self.outside}/x'")
        self.assertEqual(done.returncode, 1)
        self.assertFalse((self.outside / "x").exists())


class Terminals(SandboxCase):
    def test_a_regular_file_is_no_terminal_and_a_terminal_is_one(self):
        script = (
            "import errno, os, sys\n"
            "master, slave = os.openpty()\n"
            "regular = open(sys.argv[1])\n"
            "print(os.isatty(slave), os.isatty(regular.fileno()), os.isatty(0), os.isatty(99))\n"
            "import ctypes\n"
            "libc = ctypes.CDLL(None, use_errno=True)\n"
            "print([(libc.isatty(fd), errno.errorcode[ctypes.get_errno()]) for fd in (regular.fileno(), 99)])\n"
        )
        done = self.sandbox("/usr/bin/python3", "-c", script, "/etc/passwd")
        self.assertEqual(done.stdout, "True False False False\n[(0, 'ENOTTY'), (0, 'EBADF')]\n", done.stderr)


class OtherUsers(SandboxCase):
    """A process that becomes another user: mode bits refuse it before the policy is asked."""

    AS_NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"

    def setUp(self):
        super().setUp()
        self.top.chmod(0o755)
        self.dir.chmod(0o777)

    def test_a_violation_is_recorded_although_mode_bits_refuse_it_first(self):
        target = self.outside / "x"
        done = self.sandbox(f"{self.AS_NOBODY} touch {target}; exit 0")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.text(), HEADER + record("open_wr_creat", target, f"touch {target}"))

    def test_each_try_is_recorded_once(self):
        target = self.outside / "x"
        self.sandbox(f"{self.AS_NOBODY} sh -c 'for i in 1 2 3; do echo x > {target}; done'; touch {target}; exit 0")
        self.assertEqual(self.text().count(f"\nP: {target}\n"), 4)

    def test_what_the_policy_allows_and_mode_bits_refuse_is_no_violation(self):
        done = self.sandbox(f"{self.AS_NOBODY} touch {self.outside}/x; exit 0", env={"SANDBOX_WRITE": str(self.top)})
        self.assertEqual((done.returncode, self.text()), (0, None), done.stderr)
        self.assertFalse((self.outside / "x").exists())

    def test_what_is_predicted_and_mode_bits_refuse_is_no_violation(self):
        done = self.sandbox(f"{self.AS_NOBODY} touch {self.outside}/x; exit 0", env={"SANDBOX_PREDICT": "/"})
        self.assertEqual((done.returncode, self.text()), (0, None), done.stderr)

    def test_a_static_program_is_refused_all_the_same(self):
        target = self.outside / "x"
        target.write_text("kept")
        done = self.sandbox(f"{self.AS_NOBODY} {helper('attacker')} open {target}")
        self.assertEqual(done.stdout, "EACCES\n")
        self.assertEqual(target.read_text(), "kept")

    def test_a_closed_directory_stays_closed_when_its_names_are_remembered(self):
        closed = self.dir / "closed"
        closed.mkdir(mode=0o700)
        (closed / "file").write_text("secret")
        (closed / "file").chmod(0o666)
        done = self.sandbox(
            f"cat {closed}/file > /dev/null; for i in 1 2 3; do cat {closed}/file > /dev/null;"
            f" {self.AS_NOBODY} cat {closed}/file; {self.AS_NOBODY} sh -c 'echo x > {closed}/file'; done; exit 0"
        )
        self.assertEqual(done.stdout, "")
        self.assertEqual((closed / "file").read_text(), "secret")


class Outlasting(SandboxCase):
    def test_what_a_phase_leaves_running_ends_with_it(self):
        done = self.sandbox(f"(sleep 1; : > {self.dir}/late) & disown; exit 0")
        self.assertEqual(done.returncode, 0)
        time.sleep(1.5)
        self.assertFalse((self.dir / "late").exists())

    def test_so_does_what_ignores_signals_in_a_session_of_its_own_with_a_file_open(self):
        file = self.dir / "late"
        done = self.sandbox(
            f"setsid sh -c 'trap \"\" HUP INT TERM; exec 5>>{file}; echo here >&5; sleep 1; echo late >&5' &"
            f" until test -s {file}; do sleep 0.02; done; exit 0"
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        time.sleep(1.5)
        self.assertEqual(file.read_text(), "here\n")

    def test_a_fifo_of_outside_is_the_same_inside(self):
        ipc = self.dir / "build" / ".ipc"
        ipc.mkdir(parents=True)
        os.mkfifo(ipc / "in")
        os.mkfifo(ipc / "out")
        process = subprocess.Popen(
            [SANDBOX, f"export SANDBOX_WRITE=; echo request > {ipc}/in; read answer < {ipc}/out; echo $answer"],
            env=self.variables(PORTAGE_BUILDDIR=str(ipc.parent)),
            cwd=self.dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self._end, process)
        self.assertEqual((ipc / "in").read_text(), "request\n")
        (ipc / "out").write_text("answer\n")
        self.assertEqual(process.communicate(timeout=PATIENCE)[0], "answer\n")


if __name__ == "__main__":
    main()

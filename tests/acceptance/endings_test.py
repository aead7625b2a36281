"""How a box ends: status, signals, terminal, the death of either side, and what is left afterwards: nothing."""

import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import termios
import time

import boxed


def recorded(err):
    """How many accesses the summary counts."""
    return int(re.search(r"([\d,]+) accesses recorded", err)[1].replace(",", ""))


def command_line(pid):
    """Of a process that may end at any time."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


class Status(boxed.Case):
    def test_the_status_of_the_command_is_passed_on(self):
        for status in (0, 1, 7, 125, 255):
            self.assertEnded(self.run_box("sh", "-c", f"exit {status}"), status)

    def test_a_command_that_dies_of_a_signal_gives_128_and_its_number(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGPIPE):
            ended = self.run_box("sh", "-c", f"kill -{number:d} $$")
            self.assertEnded(ended, 128 + number)
            self.assertIn("accesses recorded", ended.err)

    def test_output_is_the_commands_to_the_byte(self):
        script = "printf 'a\\0b'; head -c 300000 /dev/zero | tr '\\0' x; printf end >&2"
        ended = self.run_box("sh", "-c", script, text=False, options=("-q",))
        self.assertEqual(ended.out, b"a\0b" + b"x" * 300000)
        self.assertEqual(ended.err, b"end")

    def test_input_reaches_the_command(self):
        reading, writing = os.pipe()
        os.write(writing, b"through\n")
        os.close(writing)
        self.assertEqual(self.run_box("cat", stdin=reading).out, "through\n")
        os.close(reading)

    def test_a_file_as_input_is_read_on_by_whoever_comes_next(self):
        self.write("work/lines", "".join(f"line {number}\n" for number in range(1000)))
        script = f"{{ read one; {boxed.BINARY} run -q -- sh -c 'read two; echo in $two'; read three; echo $three; }} < lines"
        self.assertEqual(self.run_outside("bash", "-c", script).stdout, "in line 1\nline 2\n")

    def test_a_here_document_is_input_like_any_other(self):
        script = f"{boxed.BINARY} run -q -- wc -c <<EOF\n{'x' * 100_000}\nEOF\n"
        for shell in ("bash", "dash"):
            self.assertEqual(self.run_outside(shell, "-c", script).stdout.strip(), "100001")

    def test_output_to_a_file_can_be_opened_again_by_name(self):
        script = f"{boxed.BINARY} run -q -- sh -c 'echo one; echo two > /dev/stderr; echo three >> /dev/stdout' > out 2> err"
        self.assertEqual(self.run_outside("bash", "-c", script).returncode, 0)
        self.assertEqual((self.dir / "out").read_text(), "one\nthree\n")
        self.assertEqual((self.dir / "err").read_text(), "two\n")

    def test_what_is_piped_to_nobody_ends_quietly(self):
        done = self.run_outside("bash", "-c", f"set -o pipefail; {boxed.BINARY} run -q -- yes | head -1")
        self.assertEqual((done.stdout, done.stderr), ("y\n", ""))
        self.assertEqual(done.returncode, 128 + signal.SIGPIPE)


class Deaths(boxed.Case):
    # Each round makes files and looks at them, so there is always a request in flight.
    BUILD = "i=0; while :; do i=$((i+1)); mkdir -p d$i && echo x > d$i/f && cat d$i/f > /dev/null && rm -r d$i; done"

    def assertWholeLog(self):
        text = pathlib.Path(self.log_path).read_bytes()
        self.assertTrue(text.endswith(b"\n"), text[-200:])
        events = [json.loads(line) for line in text.splitlines()]
        self.assertEqual([event["seq"] for event in events], sorted({event["seq"] for event in events}))
        return events

    def running_box(self, script=None, **more):
        box = self.start_box("sh", "-c", "echo ready; " + (script or self.BUILD), **more)
        self.assertEqual(box.stdout.readline(), "ready\n")
        time.sleep(0.3)
        return box

    def processes_of(self, box):
        return [pid for pid in boxed.processes_with(self.marker) if pid != box.pid]

    def test_the_box_ends_with_its_supervisor(self):
        mounts = boxed.mount_table()
        for _ in range(5):
            box = self.running_box()
            self.assertTrue(self.processes_of(box))
            box.kill()
            self.assertIsNotNone(boxed.wait_until(lambda: not self.processes_of(box), 10), "the command lives on")
            box.communicate(timeout=5)
            self.assertEqual(boxed.mount_table(), mounts)
            self.assertWholeLog()

    def test_a_command_whose_server_is_gone_ends_with_a_failure(self):
        """Where the command's status can still be seen: by a shell around it, through a pipe that outlives the box."""
        box = self.running_box("trap 'exit 3' TERM; " + self.BUILD + "; echo finished")
        box.kill()
        out, _ = box.communicate(timeout=5)
        self.assertEqual(box.returncode, -signal.SIGKILL)
        self.assertNotIn("finished", out)

    def test_nothing_is_half_written_by_a_refusal_after_the_supervisors_death(self):
        box = self.running_box(f"while :; do echo x > {self.outside}/probe; done")
        box.kill()
        box.communicate(timeout=5)
        self.assertEqual(os.listdir(self.outside), [])
        self.assertGreater(len([event for event in self.assertWholeLog() if event["verdict"] == "deny"]), 1)

    def test_signals_to_the_supervisor_end_the_command_and_the_account_is_given(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            box = self.running_box()
            box.send_signal(number)
            _, err = box.communicate(timeout=20)
            self.assertEqual(box.returncode, 128 + number, err)
            self.assertIn("accesses recorded", err)
            events = self.assertWholeLog()
            self.assertEqual(recorded(err), len(events))

    def test_a_killed_command_leaves_a_complete_account(self):
        box = self.running_box()
        commands = [pid for pid in self.processes_of(box) if command_line(pid).startswith(b"sh\0-c\0echo ready")]
        # Its children, just forked, have the same command line and higher numbers.
        os.kill(min(commands), signal.SIGKILL)
        _, err = box.communicate(timeout=20)
        self.assertEqual(box.returncode, 128 + signal.SIGKILL, err)
        self.assertIn("accesses recorded", err)
        self.assertEqual(recorded(err), len(self.assertWholeLog()))

    def test_a_signal_that_the_command_handles_is_its_own_affair(self):
        box = self.running_box("trap 'echo caught; exit 9' TERM; while :; do sleep 0.1; done")
        box.terminate()
        out, err = box.communicate(timeout=20)
        self.assertEqual((out, box.returncode), ("caught\n", 9), err)

    def test_the_working_directory_may_vanish(self):
        (self.dir / "gone").mkdir()
        script = "cd gone; echo ready; read _; ls; pwd -P; cat x; exit 4"
        box = self.start_box("sh", "-c", script, stdin=subprocess.PIPE)
        box.stdout.readline()
        (self.dir / "gone").rmdir()
        box.communicate("\n", timeout=20)
        self.assertEqual(box.returncode, 4)

    def test_50_boxes_at_once_all_work_and_leave_nothing(self):
        mounts, connections = boxed.mount_table(), boxed.fuse_connections()
        boxes = []
        for number in range(50):
            log = self.top / f"log{number}"
            boxes.append(subprocess.Popen(
                [boxed.BINARY, "run", "-q", "--log", log, "--", "sh", "-c",
                 f"echo {number} > f{number} && cat f{number} && find /etc -maxdepth 1 -name passwd && exit {number}"],
                cwd=self.dir, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True))
            self.addCleanup(self._end, boxes[-1])
        for number, box in enumerate(boxes):
            out, err = box.communicate(timeout=boxed.PATIENCE)
            self.assertEqual((out, box.returncode), (f"{number}\n/etc/passwd\n", number), err)
            boxed.read_log(self.top / f"log{number}")
        self.assertEqual(boxed.mount_table(), mounts)
        self.assertIsNotNone(boxed.wait_until(lambda: not boxed.processes_with(self.marker), 5))
        # Other tests of this machine may have boxes of their own; ours would have stayed.
        self.assertIsNotNone(boxed.wait_until(lambda: len(boxed.fuse_connections() - connections) < 50, 5))

    def test_50_boxes_killed_at_once_leave_nothing(self):
        mounts = boxed.mount_table()
        boxes = [subprocess.Popen([boxed.BINARY, "run", "-q", "--", "sh", "-c", self.BUILD.replace("d$i", f"{n}d$i")],
                                  cwd=self.dir, env=self.environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for n in range(50)]
        time.sleep(1)
        for box in boxes:
            box.kill()
        for box in boxes:
            box.wait(timeout=20)
        self.assertIsNotNone(boxed.wait_until(lambda: not boxed.processes_with(self.marker), 10), "processes are left")
        self.assertEqual(boxed.mount_table(), mounts)


class Screen:
    """A terminal with a person at it."""

    def __init__(self, case, *command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(case.dir)
            os.execve(command[0], list(map(str, command)), {**case.environment, "TERM": "dumb", "PS1": "$ "})
        self.seen = b""
        case.addCleanup(self.end)

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait_for(self, text, seconds=15):
        end = time.monotonic() + seconds
        while text.encode() not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"no {text!r} in {self.seen!r}")
            try:
                self.seen += os.read(self.fd, 4096)
            except OSError as error:
                raise AssertionError(f"ended without {text!r}: {self.seen!r}") from error
        self.seen = self.seen.split(text.encode(), 1)[1]

    def drain(self):
        try:
            while select.select([self.fd], [], [], 15)[0]:
                data = os.read(self.fd, 4096)
                if not data:
                    break
                self.seen += data
        except OSError:
            pass

    def status(self):
        self.drain()
        _, status = os.waitpid(self.pid, 0)
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    def end(self):
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


class Terminal(boxed.Case):
    def box(self, *command):
        return Screen(self, boxed.BINARY, "run", "--", *command)

    def test_the_command_has_the_terminal(self):
        screen = self.box("sh", "-c", "tty; test -t 0 && test -t 1 && test -t 2 && echo all; echo typed > /dev/tty")
        screen.wait_for("/dev/")
        screen.wait_for("all")
        screen.wait_for("typed")
        self.assertEqual(screen.status(), 0)

    def test_ctrl_c_reaches_the_command_and_the_account_is_given(self):
        screen = self.box("sh", "-c", "echo ready; sleep 60")
        screen.wait_for("ready")
        time.sleep(0.3)  # a shell that is just about to fork overlooks it, outside of boxes as well
        screen.type("\x03")
        screen.wait_for("accesses recorded")
        self.assertEqual(screen.status(), 130)

    def test_ctrl_c_that_the_command_handles_ends_nothing(self):
        screen = self.box("sh", "-c", "trap 'echo caught' INT; echo ready; sleep 1; sleep 1; echo on; exit 5")
        screen.wait_for("ready")
        screen.type("\x03")
        screen.wait_for("caught")
        screen.wait_for("on")
        self.assertEqual(screen.status(), 5)

    def test_an_interactive_shell_has_job_control(self):
        screen = self.box("bash", "--norc", "--noprofile", "-i")
        screen.wait_for("$ ")
        screen.type("sleep 100\n")
        time.sleep(0.5)
        screen.type("\x1a")
        screen.wait_for("Stopped")
        screen.type("jobs\n")
        screen.wait_for("Stopped")
        screen.type("bg; sleep 0.2; jobs\n")
        screen.wait_for("Running")
        screen.type("fg\n")
        time.sleep(0.3)
        screen.type("\x03")
        time.sleep(0.3)
        screen.type("echo status=$?\n")
        screen.wait_for("status=130")
        screen.type("exit 6\n")
        self.assertEqual(screen.status(), 6)

    def test_a_box_can_be_stopped_and_continued_by_a_shell_around_it(self):
        screen = Screen(self, "/bin/bash", "--norc", "--noprofile", "-i")
        screen.wait_for("$ ")
        # Without a child: dash starts one by vfork(2), and a Ctrl-Z between that and the exec stops the child alone, for
        # ever, in a box or not.
        screen.type(f"{boxed.BINARY} run -q -- sh -c 'echo re''ady; read word; echo fin''ished $word'\n")
        screen.wait_for("ready")
        screen.type("\x1a")
        screen.wait_for("Stopped")
        screen.type("fg\n")
        screen.type("at last\n")
        screen.wait_for("finished at last")
        screen.type("exit\n")
        self.assertEqual(screen.status(), 0)

    def test_a_command_that_is_stopped_as_soon_as_it_runs_is_continued_with_all_of_its_group(self):
        for _ in range(40):
            # Nobody could continue a supervisor in a session of its own, so it goes on at once, and its command with it.
            ended = self.run_box("sh", "-c", "sh -c 'kill -TSTP 0'; echo on", start_new_session=True, timeout=20,
                                 prefix=("taskset", "-c", str(min(os.sched_getaffinity(0)))))
            self.assertEnded(ended)
            self.assertEqual(ended.out, "on\n")

    def test_the_modes_of_the_terminal_are_as_before_when_the_command_is_killed(self):
        screen = Screen(self, "/bin/bash", "--norc", "--noprofile", "-c",
                        f"{boxed.BINARY} run -q -- sh -c 'stty raw -echo; echo re''ady; kill -9 $$'; stty -a; echo do''ne")
        screen.wait_for("ready")
        screen.wait_for("done")
        self.assertTrue(termios.tcgetattr(screen.fd)[3] & termios.ECHO, "the terminal stays mute")
        screen.status()

    def test_a_hang_up_ends_the_box(self):
        screen = self.box("sh", "-c", "echo ready; sleep 60")
        screen.wait_for("ready")
        os.close(screen.fd)
        screen.fd = os.open("/dev/null", os.O_RDONLY)
        self.assertIsNotNone(boxed.wait_until(lambda: not [pid for pid in boxed.processes_with(self.marker)
                                                           if pid != os.getpid()], 5))
        os.waitpid(screen.pid, 0)
        screen.pid = None


if __name__ == "__main__":
    boxed.main()

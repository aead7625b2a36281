"""Whatever ends in the middle of work (server, clients, connection, mount), everything ends, and nothing is left.

KILLS: how many rounds (12); KILLS_SEED: the seed, which is printed.
"""

import contextlib
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "acceptance"))
import boxed  # noqa: E402
import serving  # noqa: E402

ROUNDS = int(os.environ.get("KILLS", "12"))
SEED = int(os.environ.get("KILLS_SEED") or random.randrange(1 << 32))
SOON = 20  # seconds for anything to end; on an idle machine all of it takes a tenth of one

CONNECTIONS = pathlib.Path("/sys/fs/fuse/connections")

# Each ends at the first thing that fails.
NAMES = """
mkdir -p {name} && cd {name} || exit 1
while :; do
  for i in 1 2 3 4 5; do
    echo text > f$i && cat f$i > /dev/null && ln f$i l$i && mv f$i g$i && ls -l > /dev/null && rm g$i l$i || exit 1
  done
done"""
DATA = """
while dd if=/dev/zero of={name} bs=64k count=100 conv=fsync status=none && cat {name} > /dev/null && rm {name}; do :; done"""


def stack_of(pid):
    with contextlib.suppress(OSError):
        command = pathlib.Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")[:200]
        return f"{pid}: {command}\n{pathlib.Path(f'/proc/{pid}/stack').read_text()}"
    return f"{pid}: gone"


def kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Kills(boxed.Case):
    def setUp(self):
        super().setUp()
        self.top.chmod(0o755)
        self.point = self.top / "point"
        self.point.mkdir()
        if not os.path.ismount(CONNECTIONS):
            # In our own mount namespace, with which it goes.
            subprocess.run(["mount", "-t", "fusectl", "none", CONNECTIONS], check=True)
        self.random = random.Random(SEED)
        # At its end a program with AddressSanitizer looks for leaks from a second process, which carries the marker and
        # is killed like all others; the first one then waits for it for ever.  Other tests look for leaks.
        self.environment["ASAN_OPTIONS"] = "detect_leaks=0"

    def test_whatever_ends_everything_ends(self):
        print(f"seed {SEED}, {ROUNDS} rounds", flush=True)
        for number in range(ROUNDS):
            run = self.random.choice((self.mirror_round, self.mirror_round, self.mirror_round, self.box_round))
            transport = self.random.choice(serving.offered())
            with self.subTest(round=number, seed=SEED):
                run(transport, self.random.uniform(0.02, 0.8), number)

    def begin(self, number, what):
        """Says what the round is: for the report, and to reproduce it."""
        self.what = f"round {number}, seed {SEED}: {what}"
        if ROUNDS > 50 and number % 10 == 0:
            print(self.what, flush=True)

    def assertSoon(self, condition, what):
        if boxed.wait_until(condition, SOON) is None:
            stacks = "\n".join(stack_of(pid) for pid in boxed.processes_with(self.marker))
            self.fail(f"{self.what}: {what}\n{stacks}")

    def clients(self):
        """The processes that use the file system: ours, and their children."""
        return [pid for pid in boxed.processes_with(self.marker) if pid not in self.servers]

    def cleaned(self, device):
        """What has to be done whether or not a round went well."""
        for pid in boxed.processes_with(self.marker):
            kill(pid)
        if device is not None:
            with contextlib.suppress(OSError):
                (CONNECTIONS / str(os.minor(device)) / "abort").write_text("1")
        subprocess.run(["umount", "-l", self.point], capture_output=True)
        boxed.wait_until(lambda: not boxed.processes_with(self.marker), 10)
        subprocess.run(["rm", "-rf", *self.top.glob("work/*"), *self.top.glob("plain*")], check=True)

    def assertNothingLeft(self, device):
        connection = CONNECTIONS / str(os.minor(device))
        self.assertSoon(lambda: not connection.exists(), "the connection is left")
        ours = [line for line in boxed.mount_table() if str(self.point) in line]
        self.assertEqual(ours, [], self.what)
        self.assertEqual(boxed.processes_with(self.marker), [], self.what)

    def load(self, number):
        """Starts clients of the mirror."""
        quiet = {"env": self.environment, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                 "stderr": subprocess.DEVNULL, "cwd": self.point}
        started = [subprocess.Popen(["sh", "-c", script.format(name=f"{name}{i}")], **quiet)
                   for script, name in ((NAMES, "names"), (DATA, "data")) for i in range(2)]
        if self.random.random() < 0.7:
            plain = self.top / f"plain{number}"
            plain.mkdir()
            arguments = ["--mirror", self.point, "--host", self.dir, "--plain", plain, "--seconds", 60, "--seed", number]
            started.append(subprocess.Popen([boxed.helper("model_load"), *map(str, arguments)], **{**quiet, "cwd": "/"}))
        return started

    def mirror_round(self, transport, delay, number):
        endings = (self.kill_clients, self.kill_server, self.terminate_server, self.abort, self.unmount)
        end = self.random.choice(endings)
        self.begin(number, f"mirror over {transport}, {end.__name__} after {delay:.2f} s")
        self.servers = set()
        server = serving.start_mirror(transport, self.dir, self.point, self.environment)
        self.servers = {server.pid}
        device = started = None
        try:
            device = os.stat(self.point).st_dev
            started = self.load(number)
            time.sleep(delay)
            self.assertTrue(self.clients(), "the load does not run")
            expected = end(server, device)
            self.assertSoon(lambda: all(client.poll() is not None for client in started), "clients do not end")
            self.assertSoon(lambda: not self.clients(), "their children do not end")
            if expected is None:
                server.terminate()
            self.assertSoon(lambda: server.poll() is not None, "the server does not end")
            self.assertIn(server.returncode, expected or (0,), self.what)
            subprocess.run(["umount", "-l", self.point], capture_output=True)
            self.assertNothingLeft(device)
        finally:
            self.cleaned(device)
            for process in (server, *(started or ())):
                process.wait(20)

    # Each returns what the server's exit status may be, or None where it goes on.

    def kill_clients(self, _server, _device):
        doomed = self.clients()
        self.random.shuffle(doomed)
        for pid in doomed[: len(doomed) // 2]:
            kill(pid)
        time.sleep(self.random.uniform(0, 0.1))
        self.kill_all_clients()
        self.assertTrue(os.path.ismount(self.point))
        self.assertTrue((self.point / ".").exists())

    def kill_all_clients(self):
        # Again and again, as they make new ones.
        self.assertSoon(lambda: not [kill(pid) for pid in self.clients()], "killed clients do not end")

    def kill_server(self, server, _device):
        server.kill()
        return (-signal.SIGKILL,)

    def detached(self):
        """Who is in there goes on for as long as they like."""
        time.sleep(self.random.uniform(0, 0.3))
        self.kill_all_clients()
        return (0,)

    def terminate_server(self, server, _device):
        server.terminate()
        return self.detached()

    def unmount(self, _server, _device):
        subprocess.run(["umount", "-l", self.point], check=True)
        return self.detached()

    def abort(self, _server, device):
        (CONNECTIONS / str(os.minor(device)) / "abort").write_text("1")
        return (0, 1)

    def box_round(self, transport, delay, number):
        ending = self.random.choice(("kill the supervisor", "terminate it", "kill who is inside", "abort the connection"))
        self.begin(number, f"box over {transport}, {ending} after {delay:.2f} s")
        scripts = [f"({script.format(name=name)}\n) &" for script, name in ((NAMES, "names"), (DATA, "data"))]
        script = "\n".join(["stat -c %d . > device.new; mv device.new device", *scripts, NAMES.format(name="more")])
        with serving.rings_for(transport):
            box = self.start_box("sh", "-c", script, options=("--transport", transport, "--violations", "report"),
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.servers = {box.pid}
            self.assertSoon((self.dir / "device").exists, "the box does not begin")
        device = int((self.dir / "device").read_text())
        try:
            time.sleep(delay)
            if ending == "kill the supervisor":
                box.kill()
            elif ending == "terminate it":
                box.terminate()
            elif ending == "abort the connection":
                (CONNECTIONS / str(os.minor(device)) / "abort").write_text("1")
            else:
                self.assertSoon(lambda: not [kill(pid) for pid in self.clients()], "who is inside does not end")
            self.assertSoon(lambda: box.poll() is not None, "the supervisor does not end")
            self.assertSoon(lambda: not boxed.processes_with(self.marker), "processes of the box do not end")
            self.assertNothingLeft(device)
        finally:
            self.cleaned(device)


if __name__ == "__main__":
    serving.in_own_mount_namespace()
    boxed.main()

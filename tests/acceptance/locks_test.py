"""Locks of flock(2) and fcntl(2): one set for processes inside, outside, and in two places of the same box."""

import os
import subprocess
import time
from pathlib import Path

import boxed

# A process that does as it is told: one command a line, one answer a line.  Names are files; locks stay until `unlock`,
# `close`, or the end.
ACTOR = r"""
import errno, fcntl, os, struct, sys
files = {}
OFD_GETLK, OFD_SETLK, OFD_SETLKW = 36, 37, 38
def record(kind, start=0, length=0):
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, int(start), int(length), 0)
def act(verb, name, *rest):
    if verb == "open": files[name] = os.open(rest[0], getattr(os, rest[1]))
    elif verb == "dup": files[rest[0]] = os.dup(files[name])
    elif verb == "close": os.close(files.pop(name))
    elif verb == "flock": fcntl.flock(files[name], eval(rest[0], vars(fcntl)))
    elif verb == "record": fcntl.fcntl(files[name], getattr(fcntl, rest[0]), record(getattr(fcntl, rest[1]), *rest[2:]))
    elif verb == "ofd": fcntl.fcntl(files[name], eval(rest[0]), record(getattr(fcntl, rest[1]), *rest[2:]))
    elif verb == "holder":
        answer = struct.unpack("hhqqi4x", fcntl.fcntl(files[name], fcntl.F_GETLK, record(fcntl.F_WRLCK)))
        return "nobody" if answer[0] == fcntl.F_UNLCK else f"{answer[4]} {answer[2]} {answer[3]}"
    elif verb == "pid": return str(os.getpid())
    return "done"
for line in iter(sys.stdin.readline, ""):
    try: print(act(*line.split()), flush=True)
    except OSError as error: print(errno.errorcode[error.errno], flush=True)
"""

EXCLUSIVE = "LOCK_EX|LOCK_NB"
SHARED = "LOCK_SH|LOCK_NB"


class Actor:
    def __init__(self, process):
        self.process = process
        self.pid = int(self.tell("pid", "-"))

    def send(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def answer(self):
        return self.process.stdout.readline().strip()

    def tell(self, *words):
        self.send(*words)
        return self.answer()


class Locks(boxed.Case):
    def setUp(self):
        super().setUp()
        self.write("work/file", "0123456789")
        self.outsider = self.actor()

    def actor(self):
        process = subprocess.Popen(["python3", "-c", ACTOR], cwd=self.dir, env=self.environment, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self._end, process)
        return Actor(process)

    def boxed_actor(self):
        return Actor(self.start_box("python3", "-c", ACTOR, stdin=subprocess.PIPE))

    def both(self):
        insider = self.boxed_actor()
        for actor in (insider, self.outsider):
            self.assertEqual(actor.tell("open", "f", "file", "O_RDWR"), "done")
        return insider, self.outsider

    def assertContend(self, lock, unlock, refusal):
        """Both ways round: who comes second is refused until the first lets go."""
        insider, outsider = self.both()
        for first, second in ((insider, outsider), (outsider, insider)):
            self.assertEqual(first.tell(*lock), "done")
            self.assertEqual(second.tell(*lock), refusal)
            self.assertEqual(first.tell(*unlock), "done")
            self.assertEqual(second.tell(*lock), "done")
            self.assertEqual(second.tell(*unlock), "done")

    def test_inside_and_outside_contend_for_flock(self):
        self.assertContend(("flock", "f", EXCLUSIVE), ("flock", "f", "LOCK_UN"), "EAGAIN")

    def test_inside_and_outside_contend_for_record_locks(self):
        self.assertContend(("record", "f", "F_SETLK", "F_WRLCK"), ("record", "f", "F_SETLK", "F_UNLCK"), "EAGAIN")

    def test_inside_and_outside_contend_for_locks_of_open_files(self):
        self.assertContend(("ofd", "f", "OFD_SETLK", "F_WRLCK"), ("ofd", "f", "OFD_SETLK", "F_UNLCK"), "EAGAIN")

    def test_shared_locks_are_shared(self):
        insider, outsider = self.both()
        for actor in (insider, outsider):
            self.assertEqual(actor.tell("record", "f", "F_SETLK", "F_RDLCK"), "done")
            self.assertEqual(actor.tell("flock", "f", SHARED), "done")
        self.assertEqual(outsider.tell("record", "f", "F_SETLK", "F_WRLCK"), "EAGAIN")
        self.assertEqual(outsider.tell("flock", "f", EXCLUSIVE), "EAGAIN")

    def test_ranges_are_locked_apart(self):
        insider, outsider = self.both()
        self.assertEqual(insider.tell("record", "f", "F_SETLK", "F_WRLCK", 2, 3), "done")
        self.assertEqual(outsider.tell("record", "f", "F_SETLK", "F_WRLCK", 5, 0), "done")
        self.assertEqual(outsider.tell("record", "f", "F_SETLK", "F_WRLCK", 4, 1), "EAGAIN")
        self.assertEqual(insider.tell("record", "f", "F_SETLK", "F_WRLCK", 5, 1), "EAGAIN")
        self.assertEqual(insider.tell("record", "f", "F_SETLK", "F_UNLCK", 4, 1), "done")
        self.assertEqual(outsider.tell("record", "f", "F_SETLK", "F_WRLCK", 4, 1), "done")

    def test_who_asks_for_the_holder_is_told(self):
        insider, outsider = self.both()
        self.assertEqual(insider.tell("holder", "f"), "nobody")
        self.assertEqual(outsider.tell("record", "f", "F_SETLK", "F_WRLCK", 3, 4), "done")
        # A process outside has no number inside; the range is right.
        self.assertEqual(insider.tell("holder", "f"), "0 3 4")
        self.assertEqual(outsider.tell("record", "f", "F_SETLK", "F_UNLCK"), "done")
        self.assertEqual(insider.tell("holder", "f"), "nobody")

    def test_who_only_asks_leaves_nothing_open(self):
        script = ("import fcntl,os,struct,sys,time\nasked=os.open('file',os.O_RDONLY)\n"
                  "if os.fork()==0:\n  os.close(asked); f=open('file','r+'); fcntl.lockf(f,fcntl.LOCK_EX); time.sleep(60)\n"
                  "time.sleep(0.5)\nwant=struct.pack('hhqqi4x',fcntl.F_WRLCK,0,0,0,0)\n"
                  "for i in range(40):\n  if os.fork()==0:\n    fcntl.fcntl(asked,fcntl.F_GETLK,want); os._exit(0)\n"
                  "  os.wait()\nos.close(asked)\nprint('asked',flush=True); sys.stdin.read()\n")
        box = self.start_box("python3", "-c", script, stdin=subprocess.PIPE)
        self.assertEqual(box.stdout.readline(), "asked\n")

        def locked_file_descriptors():
            links = [os.readlink(entry) for entry in Path(f"/proc/{box.pid}/fd").iterdir() if entry.is_symlink()]
            return sum(link == str(self.dir / "file") for link in links)

        # The node's, the locked file's, and its lock's.
        self.assertIsNotNone(boxed.wait_until(lambda: locked_file_descriptors() <= 3, 5), locked_file_descriptors())

    def test_two_processes_of_one_box_contend_and_see_each_other(self):
        box = self.boxed_actor()
        self.assertEqual(box.tell("open", "f", "file", "O_RDWR"), "done")
        self.assertEqual(box.tell("record", "f", "F_SETLK", "F_WRLCK"), "done")
        script = ("import fcntl,os,struct\nf=open('file','r+')\n"
                  "a=fcntl.fcntl(f,fcntl.F_GETLK,struct.pack('hhqqi4x',fcntl.F_WRLCK,0,0,0,0))\n"
                  "print(struct.unpack('hhqqi4x',a)[4]==os.getppid())\n"
                  "try: fcntl.lockf(f,fcntl.LOCK_EX|fcntl.LOCK_NB); print('free')\nexcept OSError: print('held')\n")
        shell = self.run_box("python3", "-c", "import fcntl,subprocess,sys\nf=open('second','w')\n"
                             "fcntl.lockf(f,fcntl.LOCK_EX)\n"
                             f"sys.stdout.write(subprocess.run(['python3','-c',{script.replace('file', 'second')!r}],"
                             "capture_output=True,text=True).stdout)", log=self.top / "second.jsonl")
        self.assertEqual(shell.out, "True\nheld\n", str(shell))

    def test_closing_any_descriptor_of_a_file_ends_its_record_locks(self):
        insider, outsider = self.both()
        self.assertEqual(insider.tell("record", "f", "F_SETLK", "F_WRLCK"), "done")
        self.assertEqual(insider.tell("open", "g", "file", "O_RDONLY"), "done")
        self.assertEqual(outsider.tell("record", "f", "F_SETLK", "F_WRLCK"), "EAGAIN")
        self.assertEqual(insider.tell("close", "g"), "done")
        self.assertEqual(outsider.tell("record", "f", "F_SETLK", "F_WRLCK"), "done")

    def test_a_lock_on_an_open_file_ends_with_its_last_descriptor(self):
        insider, outsider = self.both()
        for lock in (("ofd", "f", "OFD_SETLK", "F_WRLCK"), ("flock", "f", EXCLUSIVE)):
            self.assertEqual(insider.tell("open", "f", "file", "O_RDWR"), "done")
            self.assertEqual(insider.tell(*lock), "done")
            self.assertEqual(insider.tell("dup", "f", "g"), "done")
            self.assertEqual(insider.tell("close", "f"), "done")
            self.assertEqual(outsider.tell(*lock), "EAGAIN")
            self.assertEqual(insider.tell("close", "g"), "done")
            self.assertIsNotNone(boxed.wait_until(lambda: outsider.tell(*lock) == "done", 5))
            self.assertEqual(outsider.tell("close", "f"), "done")
            self.assertEqual(outsider.tell("open", "f", "file", "O_RDWR"), "done")

    def test_the_locks_of_a_killed_box_are_given_back(self):
        insider, outsider = self.both()
        self.assertEqual(insider.tell("record", "f", "F_SETLK", "F_WRLCK"), "done")
        self.assertEqual(insider.tell("flock", "f", EXCLUSIVE), "done")
        insider.process.kill()
        self.assertIsNotNone(boxed.wait_until(lambda: outsider.tell("flock", "f", EXCLUSIVE) == "done", 10))
        self.assertIsNotNone(boxed.wait_until(
            lambda: outsider.tell("record", "f", "F_SETLK", "F_WRLCK") == "done", 10))

    def test_a_wait_ends_when_the_lock_is_free_and_holds_up_nobody(self):
        insider, outsider = self.both()
        for lock, wait, unlock in (
            (("flock", "f", "LOCK_EX"), ("flock", "f", "LOCK_EX"), ("flock", "f", "LOCK_UN")),
            (("record", "f", "F_SETLK", "F_WRLCK"), ("record", "f", "F_SETLKW", "F_WRLCK"),
             ("record", "f", "F_SETLK", "F_UNLCK")),
            (("ofd", "f", "OFD_SETLK", "F_WRLCK"), ("ofd", "f", "OFD_SETLKW", "F_WRLCK"),
             ("ofd", "f", "OFD_SETLK", "F_UNLCK")),
        ):
            self.assertEqual(outsider.tell(*lock), "done")
            insider.send(*wait)
            time.sleep(0.3)
            self.assertEqual(outsider.tell(*unlock), "done")
            self.assertEqual(insider.answer(), "done")
            self.assertEqual(insider.tell(*unlock), "done")

    def test_waits_in_a_box_do_not_delay_its_other_requests(self):
        self.assertEqual(self.outsider.tell("open", "f", "file", "O_RDWR"), "done")
        self.assertEqual(self.outsider.tell("flock", "f", EXCLUSIVE), "done")
        for transport in ("single", "dev-fuse"):
            script = ("for i in $(seq 10); do flock file true & done; sleep 0.5; "
                      "start=$(date +%s%N); for i in $(seq 50); do cat /etc/hostname; done >/dev/null; "
                      "end=$(date +%s%N); echo $(( (end - start) / 1000000 )); kill $(jobs -p); wait")
            ended = self.run_box("bash", "-c", script, options=("--transport", transport))
            self.assertLess(int(ended.out), 5000, str(ended))

    def test_a_signal_ends_the_wait(self):
        insider, outsider = self.both()
        script = ("import errno,fcntl,os,signal,sys\nf=open('file','r+')\n"
                  "def stop(*_): raise TimeoutError\nsignal.signal(signal.SIGALRM,stop)\n"
                  "for wait in (lambda: fcntl.flock(f,fcntl.LOCK_EX), lambda: fcntl.lockf(f,fcntl.LOCK_EX)):\n"
                  "  signal.setitimer(signal.ITIMER_REAL,0.3)\n"
                  "  try: wait(); print('locked')\n  except TimeoutError: print('ended')\n")
        self.assertEqual(outsider.tell("flock", "f", EXCLUSIVE), "done")
        self.assertEqual(outsider.tell("record", "f", "F_SETLK", "F_WRLCK"), "done")
        self.assertEqual(self.run_box("python3", "-c", script, timeout=20).out, "ended\nended\n")
        # And nothing of the wait is left that would take the lock later.
        self.assertEqual(outsider.tell("flock", "f", "LOCK_UN"), "done")
        self.assertEqual(outsider.tell("record", "f", "F_SETLK", "F_UNLCK"), "done")
        time.sleep(0.2)
        self.assertEqual(outsider.tell("flock", "f", EXCLUSIVE), "done")

    def test_a_file_that_is_only_read_can_be_locked_for_reading_alone(self):
        insider = self.boxed_actor()
        self.assertEqual(insider.tell("open", "f", "file", "O_RDONLY"), "done")
        self.assertEqual(insider.tell("record", "f", "F_SETLK", "F_RDLCK"), "done")
        self.assertEqual(insider.tell("record", "f", "F_SETLK", "F_WRLCK"), "EBADF")
        self.assertEqual(insider.tell("flock", "f", EXCLUSIVE), "done")

    def test_a_locked_program_can_be_executed(self):
        self.write("work/program", "#!/bin/sh\necho runs\n", mode=0o755)
        script = ("import fcntl,subprocess\nf=open('program')\nfcntl.lockf(f,fcntl.LOCK_SH)\n"
                  "fcntl.flock(f,fcntl.LOCK_EX)\nsubprocess.run(['./program'])")
        self.assertEqual(self.run_box("python3", "-c", script).out, "runs\n")


if __name__ == "__main__":
    boxed.main()

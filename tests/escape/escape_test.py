"""A hostile program in a box (attacker.cc) tries to change, or to reach, what lies outside.

Each attack is made twice: in the box, where it has to fail, and where its defence is taken away (a policy that allows it,
or no box at all), where it has to succeed.  So a test fails when the defence is taken away, and when the attack is none.
"""

import base64
import os
import shutil
import socket
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "acceptance"))
import boxed  # noqa: E402

BINARY = boxed.BINARY
DONE, REFUSED, UNKNOWN = 0, 10, 20

# Against a file that the policy does not let the box change; $F is the file, $N a name that is free.
ON_FILES = {
    "an_open_by_a_static_binary": "open $F",
    "an_openat2": "openat2 $F",
    "a_32_bit_system_call": "int80 $F",
    "a_write_through_an_io_uring": "ring_write $F",
    "an_unlink_through_an_io_uring": "ring_unlink $F",
    "a_file_made_through_an_io_uring": "ring_create $N",
    "a_read_only_open_that_truncates": "truncating_open $F",
    "a_truncate": "truncate $F",
    "a_reopened_descriptor": "reopening $F",
    "a_reopened_path_descriptor": "reopening_a_path $F",
    "an_fchmod_of_a_read_only_descriptor": "fchmod $F",
    "an_fchown_of_a_read_only_descriptor": "fchown $F",
    "an_fsetxattr_of_a_read_only_descriptor": "fsetxattr $F",
    "a_futimens_of_a_read_only_descriptor": "futimens $F",
    "an_fchmodat2": "fchmodat2 $F",
    "a_held_directory": "a_held_directory $F",
    "dots_from_a_held_directory": "dots_from_a_held_directory $F",
    "a_hard_link": "a_hard_link $F",
    "a_hard_link_of_a_descriptor": "a_hard_link_of_a_descriptor $F",
    "a_name_for_a_nameless_file": "naming_a_tmpfile $N",
    "an_exchange": "exchange $F",
    "an_unlink": "unlink $F",
    "a_socket": "a_socket $N",
    "a_chroot": "chroot $F",
}

# Refused by the floor of system calls whatever the policy says; alone in a mount namespace they work.
ON_THE_KERNEL = {
    "a_mount": "mount $D",
    "a_bind_mount": "bind_mount $F",
    "an_unmount": "umount /dev",
    "a_remount": "remount",
    "a_cloned_tree": "open_tree",
    "a_new_file_system": "fsopen",
    "a_pivot_root": "pivot_root",
    "a_move_to_a_namespace": "setns",
    "a_new_namespace": "unshare",
    "a_new_user_namespace": "user_namespace",
    "an_open_by_file_handle": "file_handle $F",
    "a_process_in_a_user_namespace": "clone_into_namespace",
    "a_process_in_a_user_namespace_by_clone3": "clone3_into_namespace",
    "a_moved_mount": "move_mount $D",
    "a_mount_made_writable": "mount_setattr $D",
    "a_user_fault_descriptor": "userfaultfd",
    "a_bpf_map": "bpf",
    "a_performance_counter": "perf",
    "a_key_in_the_session_keyring": "keyring",
    "a_look_at_the_log_of_the_kernel": "kernel_log",
    "a_call_for_quotas": "quota",
    "a_raw_socket": "raw_socket",
    "a_fuse_connection_of_its_own": "fuse_device $D",
}


class Attack(boxed.Case):
    def setUp(self):
        super().setUp()
        shutil.copy(boxed.helper("attacker"), self.dir / "attacker")
        self.file = self.outside / "file"
        self.new = self.outside / "new"
        self.file.write_text("a precious text\n")
        self.attacker = str(self.dir / "attacker")

    def fill(self, words):
        values = {"$F": self.file, "$N": self.new, "$D": self.dir}
        return [str(values.get(word, word)) for word in words.split()]

    def state(self):
        status = os.stat(self.outside)
        return boxed.tree_of(self.outside, folder_times=True), status.st_mode, status.st_mtime_ns

    def attack(self, words, options=(), **more):
        """In a box.  Skips where the kernel does not know the way."""
        ended = self.run_box(self.attacker, *self.fill(words), options=options, **more)
        if ended.status == UNKNOWN:
            self.skipTest(ended.out.strip())
        return ended

    def assertRefused(self, ended, *errors):
        self.assertEqual(ended.status, REFUSED, f"\n{ended}")
        if errors:
            self.assertIn(ended.out.strip(), errors, ended)

    def tidy(self):
        for name in ("linked", "mine", "here", "there", "cell", "device"):
            path = self.dir / name
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)


class OnFiles(Attack):
    def against_the_policy(self, words):
        before = self.state()
        refused = self.attack(words)
        self.assertRefused(refused, "EACCES")
        self.assertEqual(self.state(), before)
        self.assertTrue(refused.violations, refused)
        for event in refused.violations:
            self.assertEqual(event["exe"], self.attacker)
        self.tidy()
        allowed = self.attack(words, options=("--write", self.outside))
        self.assertEqual(allowed.status, DONE, f"the control failed\n{allowed}")
        self.assertNotEqual(self.state(), before, "the control did nothing")

    def test_a_nameless_file_in_a_protected_folder_is_refused(self):
        self.assertRefused(self.attack("a_tmpfile_there $F"), "EACCES")
        self.assertEnded(self.attack("a_tmpfile_there $F", options=("--write", self.outside)), DONE)

    def test_a_whiteout_is_refused(self):
        self.assertRefused(self.attack("a_whiteout $F"), "EACCES", "EINVAL")
        self.assertTrue(self.file.exists())

    def test_file_flags_are_not_changed(self):
        before = subprocess.run(["lsattr", self.file], capture_output=True, text=True).stdout
        self.assertRefused(self.attack("flags $F"))
        self.assertEqual(subprocess.run(["lsattr", self.file], capture_output=True, text=True).stdout, before)

    def test_a_swapped_symlink_never_leads_to_a_protected_file(self):
        before = self.state()
        ended = self.attack("swapping_symlinks $F", options=("--violations", "report"))
        self.assertEqual(self.state(), before)
        # It was a race indeed: some went to the free file, some were refused.
        self.assertEqual((self.dir / "mine").read_text(), "spoilt", ended)
        self.assertTrue(ended.violations)

    def test_a_folder_moved_from_outside_does_not_open_what_it_holds(self):
        """The working directory is moved into a denied place: its names are judged where they are now."""
        (self.dir / "inner").mkdir()
        (self.dir / "inner/file").write_text("text\n")
        script = "cd inner; echo ready; read _; cat ../inner2/file; cat file; true"
        box = self.start_box("sh", "-c", script, options=("--deny", self.dir / "inner2", "--violations", "report"),
                             stdin=subprocess.PIPE)
        self.assertEqual(box.stdout.readline(), "ready\n")
        (self.dir / "inner").rename(self.dir / "inner2")
        time.sleep(1.2)
        out, err = box.communicate("\n", timeout=30)
        self.assertEqual(out, "", err)


class OnTheKernel(Attack):
    def against_the_floor(self, words):
        refused = self.attack(words, options=("--write", self.outside))
        self.assertRefused(refused, "EPERM", "EACCES", "ENOSYS" if words.startswith("clone3") else "EPERM")
        mounts = boxed.mount_table()
        # Twice a namespace: the second one may be spoilt, and its parent is not ours.
        control = self.run_outside("unshare", "-m", "--propagation", "private", "sh", "-c",
                                   'mount --bind "$PWD" "$PWD" && cd "$PWD" && exec "$@"', "sh", self.attacker,
                                   *self.fill(words))
        self.assertEqual(control.returncode, DONE, f"the control failed: {control.stdout}{control.stderr}")
        self.assertEqual(boxed.mount_table(), mounts)

    def test_the_namespaces_of_process_1_are_out_of_reach(self):
        self.assertRefused(self.attack("setns_of_process_1"), "EACCES", "EPERM")

    def test_the_root_of_process_1_leads_nowhere(self):
        before = self.state()
        for way in ("process_1 $F", "process_1_directory $F"):
            self.assertRefused(self.attack(way, options=("--write", self.outside)), "EACCES", "EPERM")
        self.assertEqual(self.state(), before)

    def test_a_device_node_gives_no_device(self):
        node = self.outside / "null"
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        self.assertRefused(self.attack(f"opening {node}", options=("--write", self.outside)), "EACCES")
        self.assertEqual(self.run_outside(self.attacker, "opening", node).returncode, DONE)

    def test_a_block_device_is_not_made(self):
        device = os.stat("/").st_dev
        self.assertRefused(self.attack(f"mknod {device}"), "EPERM", "EACCES")
        self.assertEqual(self.run_outside(self.attacker, "mknod", device).returncode, DONE)

    def test_no_disk_is_in_dev(self):
        ended = self.run_box("find", "/dev", "-type", "b")
        self.assertEqual(ended.out, "", ended)

    def test_characters_cannot_be_put_into_the_terminal(self):
        def on_a_terminal(*arguments):
            done = subprocess.run(["script", "-qec", " ".join(map(str, arguments)), "/dev/null"], cwd=self.dir,
                                  env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
            return done.returncode, done.stdout.strip()
        if shutil.which("script") is None:
            self.skipTest("not installed: script")
        boxed_status, said = on_a_terminal(*self.box_arguments("-q"), "--", self.attacker, "terminal_input")
        self.assertEqual((boxed_status, said), (REFUSED, "EPERM"))
        status, said = on_a_terminal(self.attacker, "terminal_input")
        if status != DONE:
            self.skipTest(f"the kernel refuses it to everybody ({said}; sysctl dev.tty.legacy_tiocsti)")

    def test_file_capabilities_gain_nothing(self):
        program = self.outside / "capable"
        shutil.copy(self.attacker, program)
        if shutil.which("setcap") is None:
            self.skipTest("not installed: setcap")
        subprocess.run(["setcap", "cap_net_raw+ep", program], check=True)
        for path in (self.top, self.outside):
            path.chmod(0o755)
        as_nobody = ("setpriv", "--reuid", str(boxed.NOBODY), "--clear-groups", str(program), "raw_socket")
        self.assertRefused(self.run_box(*as_nobody), "EPERM")
        self.assertEqual(self.run_outside(*as_nobody).returncode, DONE)

    def test_set_id_programs_gain_nothing(self):
        program = self.outside / "set-id"
        shutil.copy(self.attacker, program)
        program.chmod(0o4755)
        for path in (self.top, self.outside):
            path.chmod(0o755)
        as_nobody = ("setpriv", "--reuid", str(boxed.NOBODY), "--clear-groups", str(program), "set_id")
        ended = self.run_box(*as_nobody)
        self.assertRefused(ended)
        self.assertEqual(self.run_outside(*as_nobody).returncode, DONE)

    def test_controls_of_the_machine_cannot_be_written(self):
        controls = ["/proc/sys/kernel/panic", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger",
                    "/proc/sys/fs/file-max", "/sys/kernel/profiling", "/sys/power/state", "/sys/kernel/uevent_helper"]
        for path in filter(os.path.exists, controls):
            if not os.access(path, os.W_OK):
                continue
            with self.subTest(path):
                self.assertRefused(self.attack(f"opening_for_writing {path}"), "EROFS", "EACCES", "EPERM", "ENOENT")
                self.assertEqual(self.run_outside(self.attacker, "opening_for_writing", path).returncode, DONE)

    def test_a_socket_to_the_hypervisor_is_no_way_around_a_missing_network(self):
        self.assertRefused(self.attack("vsock", options=("--net", "none")), "EPERM")
        self.assertEqual(self.run_outside(self.attacker, "vsock").returncode, DONE)

    def test_the_fuse_connection_cannot_be_aborted(self):
        ended = self.run_box("sh", "-c", "ls /sys/fs/fuse/connections/*/abort; ls /sys/kernel/debug/*")
        self.assertEqual(ended.out, "", ended)


class OnProcesses(Attack):
    def setUp(self):
        super().setUp()
        self.victim = subprocess.Popen(["sleep", "1000"], env=self.environment)
        self.addCleanup(self.victim.wait)
        self.addCleanup(self.victim.kill)

    def test_a_process_outside_cannot_be_killed_or_traced(self):
        for way in ("kill", "ptrace", "memory"):
            ended = self.attack(f"{way} {self.victim.pid}")
            self.assertRefused(ended, "ESRCH", "ENOENT")
        self.assertIsNone(self.victim.poll())
        self.assertEqual(self.run_outside(self.attacker, "memory", self.victim.pid).returncode, DONE)
        self.assertEqual(self.run_outside(self.attacker, "kill", self.victim.pid).returncode, DONE)

    def test_the_memory_and_descriptors_of_process_1_are_out_of_reach(self):
        self.assertRefused(self.run_box(self.attacker, "process_vm", "1", "400000"), "EPERM")
        self.assertRefused(self.run_box(self.attacker, "pidfd", "1"), "EPERM")
        start = open(f"/proc/{self.victim.pid}/maps").readline().split("-")[0]
        self.assertRefused(self.run_box(self.attacker, "process_vm", self.victim.pid, start), "ESRCH")
        self.assertEqual(self.run_outside(self.attacker, "process_vm", self.victim.pid, start).returncode, DONE)
        self.assertEqual(self.run_outside(self.attacker, "pidfd", self.victim.pid).returncode, DONE)

    def test_a_kill_of_everything_ends_the_box_alone(self):
        ended = self.run_box("sh", "-c", "./attacker kill_of_all; kill -9 0; sleep 5")
        self.assertEnded(ended, 128 + 9)
        self.assertIsNone(self.victim.poll())
        self.assertIn("accesses recorded", ended.err)

    def test_process_1_and_the_supervisor_cannot_be_killed_or_traced(self):
        ended = self.run_box("sh", "-c", "./attacker kill_of_process_1; ./attacker ptrace 1; ./attacker memory 1; echo on")
        self.assertEnded(ended, 0)
        self.assertEqual(ended.out.split()[-1], "on")
        self.assertNotIn("spoilt", ended.out)
        self.assertEqual(self.run_box("./attacker", "ptrace", "1").status, REFUSED)
        self.assertEqual(self.run_box("./attacker", "memory", "1").status, REFUSED)

    def test_no_process_outside_is_seen(self):
        ended = self.run_box("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        self.assertNotIn("sleep 1000", ended.out)
        self.assertIn("cat", ended.out)

    def test_what_the_command_leaves_running_ends_with_it(self):
        ended = self.run_box("sh", "-c", "setsid sleep 1000 & exec setsid sleep 0.1")
        self.assertEnded(ended, 0)
        self.assertIsNotNone(boxed.wait_until(lambda: boxed.processes_with(self.marker) == [self.victim.pid], 10))


class OnDescriptors(Attack):
    """What the caller hands in by accident or habit: input from a file, a folder, descriptors left open."""

    def test_input_from_a_file_is_no_way_to_write_it(self):
        with open(self.file) as input_file:
            ended = self.attack("reopening_input", stdin=input_file)
        self.assertEqual(self.file.read_text(), "a precious text\n", "the caller's input was written")
        self.assertRefused(ended)

    def test_input_from_a_file_is_no_way_to_change_its_mode(self):
        mode = self.file.stat().st_mode
        with open(self.file) as input_file:
            self.attack("chmod_of_input", stdin=input_file)
        self.assertEqual(self.file.stat().st_mode, mode, "the mode of the caller's input was changed")

    def test_input_from_a_file_can_be_read(self):
        with open(self.file) as input_file:
            self.assertEqual(self.run_box("cat", stdin=input_file).out, "a precious text\n")

    def test_output_to_a_file_goes_there(self):
        with open(self.new, "w") as output:
            done = subprocess.run([*self.box_arguments("-q"), "--", "sh", "-c", "echo one; echo two"], cwd=self.dir,
                                  env=self.environment, stdout=output, timeout=boxed.PATIENCE)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.new.read_text(), "one\ntwo\n")

    def test_a_folder_as_input_is_no_way_out(self):
        for words in (f"input_directory {self.file.name}", "input_directory_dots $F", f"changing_to_input {self.file.name}"):
            with self.subTest(words):
                before = self.state()
                fd = os.open(self.outside, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    ended = self.attack(words, stdin=fd)
                finally:
                    os.close(fd)
                self.assertEqual(self.state(), before, "a file outside was written")
                self.assertNotEqual(ended.status, DONE)

    def test_descriptors_left_open_do_not_get_in(self):
        fd = os.open(self.outside, os.O_RDONLY | os.O_DIRECTORY)
        os.set_inheritable(fd, True)
        try:
            done = subprocess.run([*self.box_arguments("-q"), "--", "ls", "/proc/self/fd"], cwd=self.dir,
                                  env=self.environment, capture_output=True, text=True, close_fds=False,
                                  timeout=boxed.PATIENCE)
        finally:
            os.close(fd)
        # The fourth is ls's own.
        self.assertEqual(done.stdout.split(), ["0", "1", "2", "3"], done.stderr)


class OnTheAccount(Attack):
    """The box must not rewrite what is told about it."""

    def test_a_log_in_the_working_directory_cannot_be_changed(self):
        log = self.dir / "audit.jsonl"
        for script in (": > audit.jsonl", "rm -f audit.jsonl", "mv audit.jsonl elsewhere", "echo '{}' >> audit.jsonl",
                       "truncate -s 0 audit.jsonl", "ln -f /dev/null audit.jsonl; cp /dev/null audit.jsonl",
                       "mv audit.jsonl x; touch audit.jsonl", "sed -i d audit.jsonl"):
            with self.subTest(script):
                subprocess.run([BINARY, "run", "-q", "--log", log, "--", "bash", "-c",
                                f"mkdir {self.outside}/x; {script}"],
                               cwd=self.dir, env=self.environment, capture_output=True, timeout=boxed.PATIENCE)
                self.assertTrue(log.exists(), "the log is gone")
                self.assertIn(f"{self.outside}/x", log.read_text(), "the log was changed")
                boxed.read_log(log)

    def test_the_folder_of_the_log_cannot_be_moved_away(self):
        (self.dir / "logs").mkdir()
        log = self.dir / "logs/audit.jsonl"
        ended = self.run_box("sh", "-c", "mv logs elsewhere; mkdir -p logs; : > logs/audit.jsonl", log=log)
        self.assertNotEqual(ended.status, 0)
        self.assertIn("rename", {event["op"] for event in boxed.read_log(log)})

    def test_the_policy_cannot_be_changed_for_the_next_time(self):
        policy = self.write("work/fusebox.toml", 'include = ["default"]\n')
        for script in ("echo >> fusebox.toml", "rm -f fusebox.toml", "mv fusebox.toml x", "sed -i d fusebox.toml",
                       "touch new; mv new fusebox.toml"):
            ended = self.run_box("bash", "-c", script, options=("--policy", policy))
            self.assertNotEqual(ended.status, 0, script)
            self.assertEqual(policy.read_text(), 'include = ["default"]\n', script)
            self.assertEqual(ended.violations, [])

    def test_a_full_log_stops_everything(self):
        script = "for i in $(seq 20000); do mkdir -p d$i || exit 3; done"
        ended = subprocess.run(
            ["unshare", "-m", "--propagation", "private", "sh", "-c",
             f"mount -t tmpfs -o size=16k none {self.outside} && exec {BINARY} run -q --log {self.outside}/log -- "
             f"sh -c '{script}'"],
            cwd=self.dir, env=self.environment, capture_output=True, text=True, timeout=boxed.PATIENCE)
        self.assertNotEqual(ended.returncode, 0, ended.stderr)
        self.assertLess(len(os.listdir(self.dir)), 1000, "the command went on unseen")
        self.assertRegex(ended.stderr, r"(?m)^fusebox: .*(log|audit).*No space left")

    def test_names_cannot_forge_a_line(self):
        name = 'a\n{"t":1,"seq":1,"op":"stat","path":"forged","verdict":"allow"}\n\x1b[2J'
        ended = self.run_box("sh", "-c", f'touch "$NAME"; mkdir "{self.outside}/$NAME"', env={"NAME": name})
        self.assertNotIn("forged", [event["path"] for event in ended.events])
        self.assertIn(str(self.dir / name), [event["path"] for event in ended.events])
        self.assertNotIn("\x1b", ended.err)
        said = self.fusebox("log", self.log_path)
        self.assertNotIn("\x1b", said.stdout)

    def test_names_that_are_no_text_are_kept_exactly(self):
        self.run_box("python3", "-c", r"open(b'\xff\xfe-name', 'w')")
        found = [base64.b64decode(event["path_b64"]) for event in boxed.read_log(self.log_path) if "path_b64" in event]
        self.assertIn(os.fsencode(self.dir) + b"/\xff\xfe-name", found)


class OnResources(Attack):
    """What the box uses up is its own; the supervisor goes on serving and logging."""

    def goes_on(self, script, *prefix, **more):
        ended = self.run_box("sh", "-c", f"{script}\ntouch end || exit 9; mkdir {self.outside}/refused; exit 0", prefix=prefix,
                             **more)
        self.assertEqual(ended.status, 1, str(ended)[-2000:])
        self.assertTrue((self.dir / "end").exists(), str(ended)[-2000:])
        self.assertEqual([event["op"] for event in ended.violations], ["mkdir"])

    def test_descriptors_without_end_are_the_own_ones(self):
        program = ("import os, resource; resource.setrlimit(resource.RLIMIT_NOFILE, (2000, 2000))\n"
                   "try:\n  files = [open(f'file{i}', 'w') for i in range(3000)]\nexcept OSError as error: print(error.errno)")
        self.goes_on(f'for i in 1 2 3 4; do mkdir -p d$i; (cd d$i; exec python3 -c "{program}") & done; wait',
                     "prlimit", "--nofile=4096:4096")

    def test_processes_by_the_thousand_are_the_own_ones(self):
        program = ("import os, time\\nfor i in range(2000):\\n  if os.fork() == 0: open(f'd{i % 7}', 'a'); time.sleep(1000)\\n"
                   "print('many')")
        self.goes_on(f'python3 -c "{program}"')

    def test_directories_as_deep_as_can_be_are_served(self):
        program = ("import os\nfor i in range(300): os.mkdir('d' * 200); os.chdir('d' * 200)\n"
                   "open('file', 'w').write('deep')\nprint(open('file').read())")
        self.goes_on(f'python3 -c "{program}"; rm -r ddd*')

    def test_a_path_that_is_too_long_is_refused_as_outside(self):
        for length in (4094, 4095, 4096, 5000, 100000):
            path = "./" * (length // 2) + "x" * (length % 2)
            script = "import os, sys\ntry: os.stat(sys.argv[1])\nexcept OSError as error: print(error.errno)"
            inside = self.run_box("python3", "-c", script, path)
            self.assertEqual(inside.out, self.run_outside("python3", "-c", script, path).stdout, length)
        name = "import os\nfor n in (255, 256):\n  try: os.mkdir('n' * n)\n  except OSError as error: print(error.errno)"
        self.assertEqual(self.run_box("python3", "-c", name).out, "36\n")


class OnSockets(Attack):
    def test_a_socket_is_not_bound_beyond_a_rule_by_way_of_a_symlink(self):
        (self.dir / "way").symlink_to(self.outside)
        script = "import socket; socket.socket(socket.AF_UNIX).bind('way/socket')"
        self.assertNotEqual(self.run_box("python3", "-c", script).status, 0)
        self.assertEqual(list(self.outside.glob("socket")), [])
        self.assertEnded(self.run_box("python3", "-c", script, options=("--write", self.outside)))
        self.assertEqual(len(list(self.outside.glob("socket"))), 1)

    def test_descriptors_are_passed_by_those_who_may_be_spoken_to_alone(self):
        """Whoever outside hands a descriptor in opens a way; the policy says whom the box may ask."""
        path = self.outside / "helper"
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.listen()
        self.addCleanup(server.close)
        script = ("import array, socket\ns = socket.socket(socket.AF_UNIX)\n"
                  f"s.connect({str(path)!r})\nprint('connected')")
        refused = self.run_box("python3", "-c", script)
        self.assertNotIn("connected", refused.out)
        self.assertNotEqual(refused.status, 0)
        self.assertIn("connected", self.run_box("python3", "-c", script, options=("--write", path)).out)


    def test_a_hidden_socket_cannot_be_connected_to(self):
        path = self.outside / "socket"
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.listen()
        self.addCleanup(server.close)
        script = f"import socket; socket.socket(socket.AF_UNIX).connect({str(path)!r})"
        ended = self.run_box("python3", "-c", script, options=("--hide", path))
        self.assertNotEqual(ended.status, 0)
        self.assertIn("FileNotFoundError", ended.err)


def add(case, rows, method, suffix):
    for name, words in rows.items():
        def test(self, words=words):
            getattr(self, method)(words)

        setattr(case, f"test_{name}_{suffix}", test)


add(OnFiles, ON_FILES, "against_the_policy", "changes_nothing_that_is_protected")
add(OnTheKernel, ON_THE_KERNEL, "against_the_floor", "is_refused")

if __name__ == "__main__":
    boxed.main()

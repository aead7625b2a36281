"""What is told about a run: log, levels, summary, dependencies, `fusebox log`."""

import json
import os
import time

import boxed


class Reports(boxed.Case):
    SCRIPT = "cat in > out; mkdir d; touch d/x; mv d/x d/y; rm d/y; rmdir d; ls none; ln out linked; ln -s out way; chmod 600 in"

    def run_script(self, *options):
        self.write("work/in", "text\n")
        return self.run_box("sh", "-c", self.SCRIPT, options=options)

    def test_the_log_tells_who_did_what(self):
        before = time.time()
        ended = self.run_script()
        seen = {(event["op"], event["path"].removeprefix(f"{self.dir}/"), os.path.basename(event["exe"]))
                for event in ended.events}
        for wanted in (("open", "in", "cat"), ("create", "out", "dash"), ("mkdir", "d", "mkdir"), ("create", "d/x", "touch"),
                       ("rename", "d/x", "mv"), ("unlink", "d/y", "rm"), ("rmdir", "d", "rmdir"), ("link", "out", "ln"),
                       ("symlink", "way", "ln"), ("chmod", "in", "chmod"), ("stat", "none", "ls")):
            self.assertIn(wanted, seen)
        for number, event in enumerate(ended.events, 1):
            self.assertEqual(event["seq"], number)
            self.assertTrue(before - 1 < event["t"] < time.time() + 1)
            self.assertGreater(event["pid"], 0)
            self.assertEqual(event["uid"], 0)
        executed = {event["path"] for event in ended.events if event["op"] == "exec"}
        self.assertIn("/usr/bin/cat", executed)

    def test_two_programs_are_told_apart_by_pid_and_executable(self):
        ended = self.run_box("sh", "-c", "cat in; head in; cat in", options=()) if self.write("work/in") else None
        reads = [(event["pid"], os.path.basename(event["exe"])) for event in ended.events
                 if event["path"] == str(self.dir / "in") and event["op"] == "open"]
        self.assertEqual([name for _, name in reads], ["cat", "head", "cat"])
        self.assertEqual(len({pid for pid, _ in reads}), 3)

    def test_the_levels_hold_more_and_more(self):
        counts = {}
        for level in ("violations", "files", "all", "io"):
            self.write("work/in", "text\n")
            ended = self.run_box("sh", "-c", f"cat in in in; touch {self.outside}/x", options=("--audit", level))
            counts[level] = {op: sum(event["op"] == op for event in ended.events)
                             for op in {event["op"] for event in ended.events}}
            self.assertEqual(len(ended.violations), 1)
            opened = sum(event["op"] == "open" and event["path"] == str(self.dir / "in") for event in ended.events)
            self.assertEqual(opened, {"violations": 0, "files": 1, "all": 3, "io": 3}[level])
        self.assertEqual(sum(counts["violations"].values()), 1)
        self.assertNotIn("read", counts["all"])
        self.assertGreater(counts["all"]["stat"], counts["files"]["stat"])
        self.assertGreater(counts["io"]["read"], 0)

    def test_io_counts_the_bytes(self):
        ended = self.run_box("sh", "-c", "head -c 100000 /dev/zero > out; cat out > /dev/null", options=("--audit", "io"))
        for op, program in (("write", "head"), ("read", "cat")):
            moved = sum(event["bytes"] for event in ended.events
                        if event["op"] == op and event["path"] == str(self.dir / "out") and event["exe"].endswith(program))
            self.assertEqual(moved, 100000, op)

    def test_the_summary_counts_by_what_happened(self):
        ended = self.run_box("sh", "-c", f"cat in; echo x > new; echo x >> in; rm gone; cat none; mkdir {self.outside}/x",
                             env={} if self.write("work/in") and self.write("work/gone") else None)
        for word in ("Read", "Written", "Created", "Deleted", "Missing", "Denied"):
            self.assertRegex(ended.err, rf"(?m)^{word} +\d", ended.err)
        self.assertLessEqual(len([line for line in ended.err.splitlines()]), 50)
        self.assertNotIn("\x1b", ended.err)

    def test_quiet_means_no_summary_unless_something_was_denied(self):
        self.assertEqual(self.run_box("true", options=("-q",)).err, "")
        self.assertIn("Denied", self.run_box("mkdir", self.outside / "x", options=("-q",)).err)

    def test_make_accepts_the_dependencies_and_obeys_them(self):
        for name in ("a.txt", "with space.txt", "dollar$.txt", "hash#.txt"):
            self.write(f"work/{name}", name + "\n")
        self.write("work/Makefile", f"$(CURDIR)/out:\n\t{boxed.BINARY} run -q --deps out.d -- sh -c 'cat *.txt > out'\n-include out.d\n")
        make = ("make", "-r")
        first = self.run_outside(*make)
        self.assertEqual(first.returncode, 0, first.stderr)
        rule = (self.dir / "out.d").read_text()
        self.assertIn("a.txt", rule)
        again = self.run_outside(*make)
        self.assertIn("up to date", again.stdout, again.stdout + again.stderr)
        for name in ("a.txt", "with space.txt", "dollar$.txt", "hash#.txt"):
            time.sleep(0.02)
            os.utime(self.dir / name)
            again = self.run_outside(*make)
            self.assertNotIn("up to date", again.stdout, f"{name}\n{rule}")
        self.assertEqual(again.returncode, 0, again.stderr)

    def test_fusebox_log_filters(self):
        self.run_script()
        self.run_box("sh", "-c", self.SCRIPT + f"; mkdir {self.outside}/x")
        log = self.log_path

        def shown(*options):
            done = self.fusebox("log", log, *options)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout.splitlines()

        everything = shown()
        self.assertEqual(len(everything), len(boxed.read_log(log)))
        denied = shown("--denied")
        self.assertEqual(len(denied), 1)
        self.assertRegex(denied[0], rf"mkdir\[\d+\] +mkdir +deny +{self.outside}/x")
        written = shown("--written")
        self.assertTrue(written and len(written) < len(everything))
        self.assertFalse([line for line in written if " stat " in line])
        self.assertTrue(all(f"{self.dir}/d" in line for line in shown("--path", f"{self.dir}/d")))
        self.assertTrue(all(str(self.dir) in line for line in shown("--path", f"{self.dir}/*")))
        self.assertEqual(shown("--path", "/no/such/*"), [])
        by_mv = shown("--process", "mv")
        self.assertTrue(by_mv and all("mv[" in line for line in by_mv))
        raw = shown("--json", "--process", "mv")
        self.assertEqual(len(raw), len(by_mv))
        self.assertTrue(all(json.loads(line)["exe"].endswith("/mv") for line in raw))

    def test_the_log_named_by_the_policy_is_written(self):
        policy = self.write("policy.toml", f'include = ["default"]\n[audit]\nlog = "{self.top}/own.jsonl"\n')
        done = self.fusebox("run", "-q", "--policy", policy, "--", "true")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(boxed.read_log(self.top / "own.jsonl"))

    def test_a_file_made_and_removed_is_scratch(self):
        self.write("work/in", "x\n")
        deps = self.top / "deps"
        self.run_box("sh", "-c", "cp in scratch; cat scratch > out; rm scratch", options=("--deps", deps))
        self.assertNotIn("scratch", deps.read_text())

    def test_many_threads_of_one_program_have_one_pid(self):
        script = ("import threading\ndef work(n):\n  for i in range(50):\n    open(f't{n}-{i}', 'w').close()\n"
                  "threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]\n"
                  "for t in threads: t.start()\nfor t in threads: t.join()")
        ended = self.run_box("python3", "-c", script)
        made = [event for event in ended.events if event["op"] == "create" and event["path"].startswith(str(self.dir))]
        self.assertEqual(len(made), 400)
        self.assertEqual(len({event["pid"] for event in made}), 1)
        self.assertGreater(len({event["tid"] for event in made}), 1)

    def test_short_lived_processes_are_all_seen(self):
        """2,000 times fork, execute, make a file, end."""
        script = "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); /usr/bin/touch f$i; done"
        ended = self.run_box("sh", "-c", script, timeout=300)
        self.assertEnded(ended)
        made = [event for event in ended.events if event["op"] == "create" and event["path"].startswith(str(self.dir))]
        self.assertEqual(len(made), 2000)
        self.assertEqual({event["exe"] for event in made}, {"/usr/bin/touch"})
        self.assertEqual(len({event["pid"] for event in made}), 2000)


if __name__ == "__main__":
    boxed.main()

"""A box without root: as user nobody, in a user namespace of its own."""

import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
import boxed  # noqa: E402
import rootless  # noqa: E402
import serving  # noqa: E402

UID = rootless.UID

SOURCE = pathlib.Path(__file__).resolve().parents[2]


class Unprivileged(rootless.Case):
    become = (*rootless.BECOME_NOBODY, *rootless.FOR_GOOD)

    def both(self, script, **more):
        """What a script says and how it ends, run by nobody natively and in a box."""
        native = self.as_nobody("sh", "-c", script, cwd=self.dir)
        boxed_run = self.run_box("sh", "-c", script, **more)
        return (native.stdout, native.returncode), (boxed_run.out, boxed_run.status)

    def test_a_script_serves_the_box_of_its_user(self):
        if reason := boxed.without_scripts():
            self.skipTest(reason)
        script = self.write("greeting.rb", (SOURCE / "examples/ruby/greeting.rb").read_text(), mode=0o644)
        place = self.dir / "scripted"
        place.mkdir()
        ended = self.run_box("sh", "-c", "cat scripted/hello; id -u", options=["--script", f"{place}={script}"])
        self.assertEqual((ended.out, ended.status), (f"Good morning from Ruby.\n{UID}\n", 0), str(ended))

    def test_the_user_is_who_he_was_and_has_no_rights(self):
        ended = self.run_box("sh", "-c", "id -u; id -g; grep CapEff /proc/self/status; exit 7")
        self.assertEqual(ended.out, f"{UID}\n{UID}\nCapEff:\t0000000000000000\n")
        self.assertEqual(ended.status, 7)

    def test_with_map_root_the_user_is_root_in_the_box_and_himself_outside(self):
        ended = self.run_box("sh", "-c", "id -u; touch made; stat -c %u made", options=("--map-root",))
        self.assertEqual((ended.out, ended.status), ("0\n0\n", 0), str(ended))
        self.assertEqual((self.dir / "made").stat().st_uid, UID)

    def test_what_is_made_is_the_same_as_without_a_box(self):
        script = ("mkdir d && echo text > d/file && ln d/file d/link && ln -s file d/symlink && chmod 640 d/file && mkfifo d/pipe "
                  "&& umask 077 && touch d/private && mv d/private d/moved && touch -d @1000.123456789 d/file")
        for name in ("native", "boxed"):
            directory = self.dir / name
            directory.mkdir()
            os.chown(directory, UID, UID)
        native = self.as_nobody("sh", "-c", script, cwd=self.dir / "native")
        self.assertEndedWell(native)
        self.assertEnded(self.run_box("sh", "-c", script, cwd=self.dir / "boxed"))
        trees = [boxed.tree_of(self.dir / name) for name in ("native", "boxed")]
        for tree in trees:
            for entry in tree.values():
                entry.pop("mtime", None)
        self.assertEqual(*trees)

    def test_a_program_of_a_rule_is_run_by_the_user_outside_of_the_boxs_namespaces(self):
        script = self.write("notify", f"#!/bin/sh\nexec > {self.logs}/who\nid -u\ncat /proc/self/uid_map\n", mode=0o755)
        policy = self.write("policy.toml", f"[[on]]\nevent = \"create\"\npath = \"{self.dir}\"\nrun = [\"{script}\"]\n")
        ended = self.run_box("touch", "made", options=("--policy", policy))
        self.assertEnded(ended)
        self.assertEqual((self.logs / "who").read_text().split(),
                         [str(UID), *pathlib.Path("/proc/self/uid_map").read_text().split()], str(ended))

    def assertEndedWell(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_violation_is_one_although_the_mode_bits_refuse_too(self):
        ended = self.run_box("touch", "/etc/fusebox-was-here")
        self.assertEqual(ended.status, 1)
        self.assertIn("Permission denied", ended.err)
        self.assertEqual([(event["op"], event["path"]) for event in ended.violations],
                         [("create", "/etc/fusebox-was-here")], str(ended))

    def test_what_the_policy_allows_the_host_may_still_refuse(self):
        ended = self.run_box("touch", "/etc/fusebox-was-here", options=("--write", "/etc"))
        self.assertEqual(ended.status, 1)
        self.assertEqual(ended.violations, [])
        refused = [event for event in ended.events if event["path"] == "/etc/fusebox-was-here" and event["op"] == "create"]
        self.assertEqual([event["errno"] for event in refused], ["EACCES"], str(ended))

    def test_permissions_are_those_of_the_host(self):
        self.write("work/closed", mode=0o000)
        self.write("work/secret", mode=0o600)
        self.write("work/program", "#!/bin/sh\necho ran\n", mode=0o744)
        self.write("work/not-executable", "#!/bin/sh\n", mode=0o644)
        (self.dir / "open").mkdir()
        (self.dir / "open").chmod(0o1777)
        (self.dir / "open" / "of-root").write_text("")
        os.chown(self.dir / "closed", UID, UID)
        script = """
            for command in 'cat closed' 'cat secret' './program' './not-executable' 'rm -f open/of-root' 'touch open/own' \\
                           'test -r secret' 'test -w secret' 'test -x program' 'ls /root' 'chmod 777 secret' 'mkdir open/d' \\
                           'cd /root' 'echo more >> open/of-root' 'chgrp 0 open/own' 'chown 0 open/own'; do
              (eval "$command") > /dev/null 2>&1; echo "$command: $?"
            done; rm -r open/own open/d"""
        native, inside = self.both(script, options=("--write", "/root", "--read", "/root"))
        self.assertEqual(inside, native)

    def test_what_is_in_a_closed_directory_is_closed_at_once(self):
        script = """mkdir -p d/e; echo text > d/e/file; chmod 644 d/e/file; cat d/e/file
                    for mode in 000 700 600 755; do
                      chmod $mode d; cat d/e/file 2>&1; (echo more >> d/e/file) 2>&1; cat < d/e/file > /dev/null; echo $?
                    done; rm -r d"""
        native, inside = self.both(script)
        self.assertEqual(inside, native)

    def test_a_supplementary_group_opens_what_is_the_groups(self):
        path = self.write("work/of-the-group", "readable\n", mode=0o640)
        os.chown(path, 0, 4)
        with_group = [part if part != "--clear-groups" else "--groups=4" for part in self.become]
        arguments = [*with_group, *self.box_arguments()[len(self.become):], "--", "cat", path]
        done = subprocess.run(arguments, cwd=self.dir, env=self.environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stdout, "readable\n", done.stderr)

    def test_who_reads_a_file_goes_on_when_it_is_changed_in_the_box(self):
        path = self.write("home/file", "one\ntwo\n")
        os.chown(path, UID, UID)
        ended = self.run_box("sh", "-c", 'exec 3< "$HOME/file"; cat "$HOME/file"; echo three >> "$HOME/file"; cat <&3')
        self.assertEqual(ended.out, "one\ntwo\none\ntwo\nthree\n", str(ended))
        self.assertEqual(path.read_text(), "one\ntwo\n")

    def test_a_merged_directory_is_listed(self):
        os.chown(self.write("home/d/file"), UID, UID)
        os.chown(self.home / "d", UID, UID)
        ended = self.run_box("sh", "-c", 'ls "$HOME/d"; touch "$HOME/d/new"; ls "$HOME/d"; rm -r "$HOME/d"; ls "$HOME"')
        self.assertEqual(ended.out, "file\nfile\nnew\n", str(ended))

    def test_a_file_handed_in_to_be_read_cannot_be_written(self):
        path = self.write("outside/data", "untouched\n")
        os.chown(path, UID, UID)
        with open(path) as file:
            ended = self.run_box("sh", "-c", "cat; echo changed > /proc/self/fd/0", stdin=file)
        self.assertEqual(ended.out, "untouched\n", str(ended))
        self.assertNotEqual(ended.status, 0)
        self.assertEqual(path.read_text(), "untouched\n")

    def test_the_network_can_be_taken_away(self):
        ended = self.run_box("sh", "-c", "cat /sys/class/net/lo/operstate; ls /sys/class/net", options=("--net", "none"))
        self.assertEqual(ended.out, "unknown\nlo\n", str(ended))

    def test_a_pipe_of_outside_is_the_same_pipe_inside(self):
        os.mkfifo(self.dir / "pipe")
        os.chown(self.dir / "pipe", UID, UID)
        reader = subprocess.Popen(["cat", self.dir / "pipe"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(reader.kill)
        self.assertEnded(self.run_box("sh", "-c", "echo through > pipe"))
        self.assertEqual(reader.communicate(timeout=20)[0], "through\n")

    def test_the_first_walk_to_a_pipe_of_outside_is_as_good_as_any(self):
        folder = self.dir / "folder"
        folder.mkdir()
        os.mkfifo(folder / "pipe")
        for path in (folder, folder / "pipe"):
            os.chown(path, UID, UID)
        for walk in ("stat -c %F folder; stat -c %F folder/pipe", "cd folder; stat -c %F .; stat -c %F pipe"):
            for _ in range(20):
                ended = self.run_box("sh", "-c", walk)
                self.assertEqual((ended.status, ended.out), (0, "directory\nfifo\n"), str(ended))
            reader = subprocess.Popen(["cat", folder / "pipe"], stdout=subprocess.PIPE, text=True)
            self.addCleanup(reader.kill)
            words = walk.split(";")[0] if walk.startswith("cd") else "true"
            name = "pipe" if walk.startswith("cd") else "folder/pipe"
            self.assertEnded(self.run_box("sh", "-c", f"{words}; echo through > {name}"))
            self.assertEqual(reader.communicate(timeout=20)[0], "through\n")

    def test_a_killed_supervisor_leaves_nothing(self):
        box = self.start_box("sh", "-c", "echo begun; sleep 1000")
        self.assertEqual(box.stdout.readline(), "begun\n")
        box.kill()
        box.wait(20)
        self.assertIsNotNone(boxed.wait_until(lambda: not boxed.processes_with(self.marker), 10))

    def test_doctor_says_that_it_works_and_what_is_missing(self):
        findings = self.findings()
        self.assertEqual(findings["passthrough"]["state"], "limited")
        self.assertEqual(findings["rights"]["state"], "limited")

    def test_a_build_is_logged_as_for_root(self):
        if shutil.which("gcc") is None:
            self.skipTest("not installed: gcc")
        self.write("work/main.c", '#include <stdio.h>\nint main(void) { puts("built"); }\n')
        command = ("sh", "-c", "gcc -o program main.c && ./program")
        ended = self.run_box(*command)
        self.assertEqual((ended.out, ended.status), ("built\n", 0), str(ended))
        by_nobody = self.files(ended.events)
        (self.dir / "program").unlink()
        arguments = boxed.Case.box_arguments(self, log=self.top / "root.jsonl")
        self.assertEndedWell(self.run_outside(*arguments, "--", *command))
        self.assertEqual(by_nobody, self.files(boxed.read_log(self.top / "root.jsonl")))

    def files(self, events):
        return {(event["op"], event["path"]) for event in events
                if event["op"] in ("open", "create", "exec") and "/cc" not in event["path"]}

    def test_without_the_device_it_says_what_to_do(self):
        os.chmod("/dev/fuse", 0o600)
        ended = self.run_box("true")
        self.assertEqual(ended.status, 125)
        self.assertOneLine(ended.err, "/dev/fuse", "chmod")


if __name__ == "__main__":
    serving.in_own_mount_namespace()
    boxed.main()

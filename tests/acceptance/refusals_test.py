"""Tools of every day, run in a box against a place that the policy does not let them change: each is refused, nothing
happens outside, and log and summary say who wanted what.  Outside of a box the same command does its work."""

import os
import pathlib
import subprocess

import boxed

# What is tried, by whom, with which operation in the log.  $O is the protected folder, the working directory is not.
# Path and target are as in the log; None where it does not matter.
ATTEMPTS = {
    "writing_a_new_file": ("echo x > $O/new", "bash", "create", "$O/new", None),
    "writing_a_file": ("echo x > $O/file", "bash", "open", "$O/file", None),
    "appending": ("echo x >> $O/file", "bash", "open", "$O/file", None),
    "mkdir": ("mkdir $O/new", "mkdir", "mkdir", "$O/new", None),
    "rm": ("rm -f $O/file", "rm", "unlink", "$O/file", None),
    "rmdir": ("rmdir $O/empty", "rmdir", "rmdir", "$O/empty", None),
    "mv_into": ("mv inside $O/", "mv", "rename", "$D/inside", "$O/inside"),
    "mv_out_of": ("mv $O/file moved", "mv", "rename", "$O/file", "$D/moved"),
    "mv_onto": ("mv -f inside $O/file", "mv", "rename", "$D/inside", "$O/file"),
    "mv_of_a_folder_into": ("mv insides $O/", "mv", "rename", "$D/insides", "$O/insides"),
    "mv_of_a_folder_out_of": ("mv $O/empty moved", "mv", "rename", "$O/empty", "$D/moved"),
    "ln_from": ("ln $O/file linked", "ln", "link", "$O/file", "$D/linked"),
    "ln_into": ("ln inside $O/linked", "ln", "link", "$D/inside", "$O/linked"),
    "ln_s": ("ln -s x $O/symlink", "ln", "symlink", "$O/symlink", "x"),
    "chmod": ("chmod 600 $O/file", "chmod", "chmod", "$O/file", None),
    "chmod_of_the_folder": ("chmod 700 $O", "chmod", "chmod", "$O", None),
    "chown": ("chown 1:1 $O/file", "chown", "chown", "$O/file", None),
    "chown_of_a_symlink": ("chown -h 1:1 $O/link", "chown", "chown", "$O/link", None),
    "touch_of_a_new_file": ("touch $O/new", "touch", "create", "$O/new", None),
    "touch_of_a_file": ("touch -c -d 2001-01-01 $O/file", "touch", None, "$O/file", None),
    "touch_of_a_folder": ("touch -d 2001-01-01 $O/empty", "touch", "utimes", "$O/empty", None),
    "truncate": ("truncate -s 0 $O/file", "truncate", "open", "$O/file", None),
    "setfattr": ("setfattr -n user.mark -v 1 $O/file", "setfattr", "setxattr", "$O/file", None),
    "setfattr_that_removes": ("setfattr -x user.there $O/file", "setfattr", "removexattr", "$O/file", None),
    "setfacl": ("setfacl -m u:1:r $O/file", "setfacl", "setxattr", "$O/file", None),
    "chattr": ("chattr +d $O/file", "chattr", "ioctl", "$O/file", None),
    "mkfifo": ("mkfifo $O/pipe", "mkfifo", "mknod", "$O/pipe", None),
    "mknod": ("mknod $O/pipe p", "mknod", "mknod", "$O/pipe", None),
    "cp": ("cp inside $O/new", "cp", "create", "$O/new", None),
    "cp_over": ("cp inside $O/file", "cp", "open", "$O/file", None),
    "cp_that_links": ("cp -l $O/file linked", "cp", "link", "$O/file", "$D/linked"),
    "install": ("install -m 644 inside $O/new", "install", "create", "$O/new", None),
    "sed_in_place": ("sed -i s/a/b/ $O/file", "sed", "create", None, None),
    "tee": ("echo x | tee $O/file", "tee", "open", "$O/file", None),
    "dd": ("dd if=inside of=$O/file conv=notrunc", "dd", "open", "$O/file", None),
    "a_symlink_to_it": ("ln -sf $O/file way && echo x > way", "bash", "open", "$O/file", None),
    "a_dangling_symlink_to_it": ("ln -sf $O/new way && echo x > way", "bash", "create", "$O/new", None),
    "a_symlink_to_its_folder": ("ln -sfn $O way && mkdir way/new", "mkdir", "mkdir", "$O/new", None),
    "dots": ("echo x > ../outside/./../outside/new", "bash", "create", "$O/new", None),
    "proc_self_root": ("echo x > /proc/self/root$O/new", "bash", "create", "$O/new", None),
    "proc_self_cwd": ("echo x > /proc/self/cwd/../outside/new", "bash", "create", "$O/new", None),
    "a_held_folder": ("exec 9< $O && echo x > /proc/self/fd/9/new", "bash", "create", "$O/new", None),
    "a_reopened_descriptor": ("exec 9< $O/file && echo x > /proc/self/fd/9", "bash", "open", "$O/file", None),
    "python": ("python3 -c \"open('$O/file', 'r+').write('x')\"", "python3", "open", "$O/file", None),
    "perl": ("perl -e \"truncate('$O/file', 0) or die \\$!\"", "perl", None, "$O/file", None),
}


class Refusals(boxed.Case):
    def prepare(self, top):
        """A folder with something of each kind to spoil, and something to carry there."""
        outside, work = top / "outside", top / "work"
        for folder in (outside, outside / "empty", work, work / "insides"):
            folder.mkdir(exist_ok=True)
        (outside / "file").write_text("a precious text\n")
        os.setxattr(outside / "file", "user.there", b"1")
        (outside / "link").symlink_to("file")
        (work / "inside").write_text("from inside\n")
        for path in (outside / "file", work / "inside"):
            os.utime(path, (1e9, 1e9))
        return outside, work

    def attempt(self, script, program, op, path, target):
        outside, work = self.prepare(self.top)
        before = self.state()

        def fill(text):
            return text.replace("$O", str(outside)).replace("$D", str(work))

        ended = self.run_box("bash", "-c", fill(script))
        self.assertNotEqual(ended.status, 0, ended)
        self.assertLess(ended.status, 125, ended)
        self.assertIn("ermission denied", ended.err)
        self.assertEqual(self.state(), before)
        found = [
            event
            for event in ended.violations
            if (op is None or event["op"] == op)
            and (path is None or event["path"] == fill(path))
            and (target is None or event.get("to") == fill(target))
        ]
        self.assertTrue(found, f"{ended.violations}\n{ended}")
        event = found[0]
        self.assertEqual(event["errno"], "EACCES")
        self.assertGreater(event["pid"], 0)
        self.assertRegex(os.path.basename(event["exe"]), "^" + program)
        self.assertEqual(event["rule"], 'read "/" (profile default)')
        # The summary has it in one line: operation, path, program and process, rule.
        line = [
            text
            for text in ended.err.splitlines()
            if event["path"] in text and f"[{event['pid']}]" in text and event["rule"] in text
        ]
        self.assertTrue(line, ended.err)
        self.assertIn(event["op"], line[0])

        # Without the box, and in a box that allows it, the same command succeeds: it is the policy that refused.
        control = self.run_outside("bash", "-c", fill(script))
        self.assertEqual(control.returncode, 0, control.stderr)
        self.assertNotEqual(self.state(), before, "the control did nothing")

    def state(self):
        own = os.stat(self.outside)
        flags = subprocess.run(["lsattr", self.outside], capture_output=True, text=True).stdout
        tree = boxed.tree_of(self.outside, folder_times=True)
        return tree, flags, oct(own.st_mode), (own.st_uid, own.st_gid), own.st_mtime_ns

    def test_a_policy_that_allows_it_lets_the_same_tools_work(self):
        outside, work = self.prepare(self.top)
        scripts = [
            "echo x > $O/new && echo x >> $O/file && mkdir $O/newdir && rmdir $O/empty && mv inside $O/",
            "mv $O/inside . && ln $O/file linked && ln -s x $O/symlink && chmod 600 $O/file && chown 1:1 $O/file",
            "touch $O/new $O/newer && truncate -s 3 $O/file && setfattr -n user.mark -v 1 $O/file && mkfifo $O/pipe",
            "rm $O/new $O/pipe",
        ]
        script = " && ".join(scripts).replace("$O", str(outside))
        ended = self.run_box("bash", "-ec", script, options=("--write", outside))
        self.assertEnded(ended)
        self.assertEqual((outside / "file").read_text(), "a p")
        self.assertEqual(ended.violations, [])

    def test_a_refused_write_to_etc_leaves_no_file_and_says_who_wanted_it(self):
        probe = pathlib.Path("/etc/fusebox-probe")
        self.assertFalse(probe.exists())
        self.addCleanup(probe.unlink, missing_ok=True)
        ended = self.run_box("bash", "-c", "echo x > /etc/fusebox-probe")
        self.assertEnded(ended, 1)
        self.assertIn("Permission denied", ended.err)
        self.assertFalse(probe.exists())
        [event] = ended.violations
        self.assertEqual((event["op"], event["path"], event["errno"]), ("create", str(probe), "EACCES"))
        self.assertTrue(event["exe"].endswith("/bash"), event)
        self.assertIn("rule", event)
        self.assertRegex(ended.err, rf"create +/etc/fusebox-probe +bash\[{event['pid']}\] +read \"/\"")

    def test_a_refusal_that_the_command_overlooks_makes_the_run_fail(self):
        ended = self.run_box("sh", "-c", f"mkdir {self.outside}/x; exit 0")
        self.assertEnded(ended, 1)
        reported = self.run_box("sh", "-c", f"mkdir {self.outside}/x; exit 0", options=("--violations", "report"))
        self.assertEnded(reported, 0)
        self.assertEqual(len(reported.violations), 1)

    def test_the_commands_own_failure_is_kept(self):
        self.assertEnded(self.run_box("sh", "-c", f"mkdir {self.outside}/x; exit 9"), 9)

    def test_a_mount_point_and_a_busy_folder_change_nothing(self):
        # Refused by policy first: not EBUSY, which would tell that something is mounted there.
        ended = self.run_box("rmdir", "/proc")
        self.assertNotEqual(ended.status, 0, ended)

    def test_a_violation_is_in_the_log_before_the_command_hears_of_it(self):
        log = self.top / "audit.jsonl"
        reading, writing = os.pipe()
        script = f"mkdir {self.outside}/x; echo refused; sleep 30"
        box = self.start_box("sh", "-c", script, stdout=writing)
        os.close(writing)
        self.assertEqual(os.read(reading, 100), b"refused\n")
        os.close(reading)
        text = log.read_text()
        self.assertIn('"op":"mkdir"', text)
        box.terminate()


def add_attempts():
    for name, row in ATTEMPTS.items():
        program = row[0].split()[0]

        def test(self, row=row):
            self.attempt(*row)

        setattr(Refusals, f"test_{name}_is_refused", boxed.needs(program)(test) if program != "exec" else test)


class Verdicts(boxed.Case):
    def test_predict_refuses_quietly(self):
        ended = self.run_box("bash", "-c", "! echo x > $P/new", options=("--predict", self.outside),
                             env={"P": str(self.outside)})
        self.assertEnded(ended, 0)
        self.assertIn("Permission denied", ended.err)
        self.assertEqual(ended.violations, [])
        self.assertFalse((self.outside / "new").exists())
        refused = [event for event in ended.events if event["verdict"] == "predict"]
        self.assertEqual([event["path"] for event in refused], [str(self.outside / "new")])

    def test_home_can_be_read_and_what_changes_there_is_kept_in_the_box(self):
        self.write("home/.settings", "mine\n")
        ended = self.run_box("sh", "-c", "cat ~/.settings; mkdir ~/.cache && echo x > ~/.cache/x && cat ~/.cache/x")
        self.assertEnded(ended, 0)
        self.assertEqual(ended.out, "mine\nx\n")
        self.assertFalse((self.home / ".cache").exists())

    def test_what_is_hidden_is_not_there(self):
        secret = self.write("outside/secret", "key\n")
        self.write("outside/plain", "text\n")
        script = f"""
            import os
            assert sorted(os.listdir({str(self.outside)!r})) == ["plain"]
            for call in (os.stat, os.lstat, open, os.listdir, os.readlink, os.remove, os.rmdir, os.listxattr):
                try: call({str(secret)!r})
                except FileNotFoundError: continue
                raise SystemExit(f"{{call}} told")
            assert not os.access({str(secret)!r}, os.F_OK)
            # scandir goes by readdirplus
            assert [entry.name for entry in os.scandir({str(self.outside)!r})] == ["plain"]
        """
        ended = self.run_box("python3", "-c", "if True:" + script, options=("--hide", secret))
        self.assertEnded(ended, 0)
        self.assertTrue(secret.exists())
        self.assertIn("hide", {event["verdict"] for event in ended.events if event["path"] == str(secret)})

    def test_a_hidden_folder_can_neither_be_walked_through_nor_made_anew(self):
        self.write("outside/vault/key", "key\n")
        vault = self.outside / "vault"
        script = f"cat {vault}/key || cd {vault} || mkdir {vault} || ls {vault} || mv /etc/hostname {vault}"
        ended = self.run_box("sh", "-c", script, options=("--hide", vault, "--write", self.outside))
        self.assertNotEqual(ended.status, 0)
        self.assertEqual(ended.out, "")
        self.assertEqual(os.listdir(vault), ["key"])

    def test_a_hidden_file_is_not_overwritten(self):
        secret = self.write("outside/secret", "key\n")
        options = ("--hide", secret, "--write", self.outside)
        for script in (f"echo x > {secret}", f"mv other {secret}", f"ln -f other {secret}", f"ln -sf x {secret}"):
            self.write("work/other", "other\n")
            ended = self.run_box("bash", "-c", script, options=options)
            self.assertNotEqual(ended.status, 0, script)
            self.assertEqual(secret.read_text(), "key\n", script)

    def test_secrets_of_home_are_hidden_by_default(self):
        for name in (".ssh/id_ed25519", ".gnupg/key", ".aws/credentials", ".netrc", ".config/gh/hosts.yml"):
            self.write(f"home/{name}", "secret\n")
        self.write("home/.profile", "plain\n")
        ended = self.run_box("sh", "-c", "ls -A ~; cat ~/.ssh/id_ed25519 ~/.netrc ~/.config/gh/hosts.yml; ls ~/.gnupg")
        self.assertEqual(ended.out.split(), [".config", ".profile"], ended)
        self.assertEqual(ended.err.count("No such file"), 4, ended)

    def test_what_is_denied_can_be_looked_at_and_not_read(self):
        path = self.write("outside/denied/file")
        ended = self.run_box("sh", "-c", f"stat -c %s {path} && ! cat {path} && ! ls {path.parent}",
                             options=("--deny", path.parent))
        self.assertEnded(ended, 1)
        self.assertEqual(ended.out, "5\n")
        self.assertEqual({(event["op"], event["path"]) for event in ended.violations},
                         {("open", str(path)), ("list", str(path.parent))})

    def test_a_denied_program_is_not_executed(self):
        program = self.write("outside/program", "#!/bin/sh\necho ran\n", mode=0o755)
        ended = self.run_box(program, options=("--deny", program))
        self.assertEnded(ended, 126)
        self.assertIn("exec", {event["op"] for event in ended.violations})
        self.assertEqual(self.run_box(program).out, "ran\n")

    def test_a_script_whose_interpreter_is_denied_is_not_executed(self):
        interpreter = self.outside / "interpreter"
        interpreter.write_bytes(pathlib.Path("/bin/sh").read_bytes())
        interpreter.chmod(0o755)
        script = self.write("work/script", f"#!{interpreter}\necho ran\n", mode=0o755)
        self.assertEqual(self.run_box(script).out, "ran\n")
        ended = self.run_box(script, options=("--deny", interpreter))
        self.assertEnded(ended, 126)
        self.assertEqual(ended.out, "")

    def test_the_most_specific_rule_wins_and_then_the_strictest(self):
        for name in ("a/b/c", "a/b/d", "same"):
            self.write(f"outside/{name}")
        options = ("--deny", self.outside / "a", "--write", self.outside / "a/b", "--deny", self.outside / "a/b/c",
                   "--write", self.outside / "same", "--hide", self.outside / "same")
        script = "echo x > a/b/d; echo x > a/b/c; echo x > a/new; cat same"
        ended = self.run_box("bash", "-c", f"cd {self.outside}; {script}", options=options)
        self.assertEqual((self.outside / "a/b/d").read_text(), "x\n")
        self.assertEqual([event["path"] for event in ended.violations],
                         [str(self.outside / "a/b/c"), str(self.outside / "a/new")])
        self.assertIn("same: No such file", ended.err)

    def test_a_rule_holds_at_component_boundaries(self):
        self.write("outside/name", "1\n")
        self.write("outside/names", "2\n")
        ended = self.run_box("cat", self.outside / "names", options=("--deny", self.outside / "name"))
        self.assertEnded(ended, 0)

    def test_a_hard_link_is_judged_and_logged_by_the_name_that_was_used(self):
        first = self.write("outside/first", "text\n")
        second = self.dir / "second"
        os.link(first, second)
        script = f"cat second; cat {first}; cat second; echo x >> second; ! echo x >> {first}"
        ended = self.run_box("bash", "-c", script)
        self.assertEqual([event["path"] for event in ended.violations], [str(first)], ended)
        reads = [event["path"] for event in ended.events
                 if event["op"] == "open" and event["exe"].endswith("/cat") and "file" not in event["path"]]
        names = [path for path in reads if path in (str(first), str(second))]
        self.assertEqual(names, [str(second), str(first), str(second)])
        self.assertEqual(first.read_text(), "text\nx\n")

    def test_a_folder_with_a_denied_child_does_not_move(self):
        self.write("work/tree/kept/file")
        self.write("work/tree/free/file")
        options = ("--deny", self.dir / "tree/kept")
        ended = self.run_box("mv", "tree", "moved", options=options)
        self.assertNotEqual(ended.status, 0, ended)
        self.assertTrue((self.dir / "tree/kept/file").exists())
        self.assertIn("rename", {event["op"] for event in ended.violations})
        # Nor does a folder move to where a rule waits for it.
        ended = self.run_box("mv", "tree", "moved", options=("--deny", self.dir / "moved/kept"))
        self.assertNotEqual(ended.status, 0, ended)
        self.assertEnded(self.run_box("mv", "tree", "moved"), 0)

    def test_a_folder_that_moved_is_logged_by_its_new_name(self):
        self.write("work/a/sub/file")
        ended = self.run_box("bash", "-c", "cat a/sub/file; cd a/sub; mv ../../a ../../b; cat file; cat ../../b/sub/file")
        self.assertEqual(ended.out, "text\n" * 3, ended)
        reads = [event["path"] for event in ended.events if event["op"] == "open" and event["path"].endswith("sub/file")]
        self.assertEqual(reads, [str(self.dir / "a/sub/file")] + [str(self.dir / "b/sub/file")] * 2)

    def test_the_strict_profile_runs_true(self):
        ended = self.run_box("true", options=("--profile", "strict"))
        self.assertEnded(ended, 0)
        self.assertEqual(ended.violations, [])

    def test_the_strict_profile_keeps_the_working_directory_closed(self):
        self.write("work/file")
        ended = self.run_box("cat", "file", options=("--profile", "strict"))
        self.assertEnded(ended, 1)
        self.assertEqual([event["path"] for event in ended.violations], [str(self.dir / "file")])

    def test_the_build_profile_has_no_network_but_loopback(self):
        ended = self.run_box("python3", "-c",
                             "import socket; print([name for _, name in socket.if_nameindex()])",
                             options=("--profile", "build"))
        self.assertEqual(ended.out, "['lo']\n", ended)

    def test_tmp_is_the_boxs_own(self):
        name = f"/tmp/{self.marker}"
        ended = self.run_box("sh", "-c", f"echo x > {name} && cat {name} && ls -A /tmp")
        self.assertEqual(ended.out, f"x\n{self.marker}\n", ended)
        self.assertFalse(os.path.exists(name))

    def test_an_explanation_agrees_with_what_happens(self):
        for path, rule in ((self.dir / "x", 'write "${PWD}"'), (self.outside / "x", 'read "/"')):
            said = self.fusebox("policy", "explain", "--op", "write", path)
            self.assertIn(said.returncode, (0, 1), said.stderr)
            written = self.run_box("touch", path).status == 0
            self.assertEqual("allow" in said.stdout, written, said.stdout)
            self.assertTrue(said.stdout, rule)


add_attempts()

if __name__ == "__main__":
    boxed.main()

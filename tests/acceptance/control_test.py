"""The control directory: a boxed program looks at its policy and changes it, within bounds."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
import boxed  # noqa: E402

ACL = "/fuseboxctl/acl"


class Control(boxed.Case):
    def script(self, *lines, options=(), **more):
        """Runs a shell script in a box whose policy allows the working directory and `outside`."""
        return self.run_box("sh", "-c", "\n".join(lines), options=("--write", self.outside, *options), **more)

    def test_it_is_there_for_those_who_ask_and_in_no_listing(self):
        ended = self.script("ls / | grep -c fusebox", "ls /fuseboxctl", "ls /fuseboxctlv1", "cat /fuseboxctl/version")
        names = "acl\nacl_switch\nlock\nstate\nversion\n"
        self.assertRegex(ended.out, f"^0\n{names}{names}Fusebox version v\\d+\\.\\d+", str(ended))

    def test_what_is_narrowed_is_refused_at_the_next_call(self):
        ended = self.script("echo 1 > file", f"echo denywrite {self.dir} > {ACL}", "echo 2 > file", "cat file", "touch other",
                            f"echo adddeny {self.dir}/file >> {ACL}", "cat file")
        self.assertEqual(ended.out, "1\n", str(ended))
        self.assertEqual([(event["op"], os.path.basename(event["path"])) for event in ended.violations],
                         [("open", "file"), ("create", "other"), ("open", "file")], str(ended))
        self.assertEqual((self.dir / "file").read_text(), "1\n")

    def test_it_is_refused_in_every_other_process_too(self):
        # A process that has the file open, its directory as its own, and has used both a moment ago.
        ended = self.script("mkfifo go", "(echo 1 > file; read x < go; cd .; echo 2 > file; echo status $?) & sleep 0.2",
                            f"echo denywrite {self.dir}/file > {ACL}; echo now > go; wait")
        self.assertIn("status 2", ended.out, str(ended))
        self.assertEqual((self.dir / "file").read_text(), "1\n")

    def test_what_was_narrowed_can_be_widened_again(self):
        ended = self.script(f"echo denywrite {self.dir} > {ACL}", "touch no", f"echo clearall > {ACL}", "touch yes")
        self.assertEqual(sorted(path.name for path in self.dir.iterdir()), ["yes"], str(ended))

    def test_widening_beyond_the_policy_is_refused_and_logged(self):
        ended = self.script(f"echo addwrite /etc > {ACL}; echo status $?", "touch /etc/fusebox-was-here",
                            f"cat {ACL} | grep -c '^[a-z]*write'")
        self.assertIn("status 1", ended.out, str(ended))
        self.assertTrue(ended.out.endswith("\n0\n"), str(ended))
        self.assertFalse(os.path.exists("/etc/fusebox-was-here"))
        refused = [event for event in ended.violations if event["path"] == ACL]
        self.assertEqual(len(refused), 1, str(ended))
        self.assertIn("/etc", refused[0]["rule"])

    def test_an_order_for_all_of_the_tree_opens_nothing_that_a_rule_closes(self):
        (self.outside / "closed").mkdir()
        ended = self.script(f"echo addwrite {self.outside} > {ACL}", f"touch {self.outside}/open; touch {self.outside}/closed/no",
                            options=("--deny", self.outside / "closed"))
        self.assertEqual(sorted(path.name for path in self.outside.iterdir()), ["closed", "open"], str(ended))
        self.assertEqual(list((self.outside / "closed").iterdir()), [])

    def test_after_the_lock_nothing_changes_any_more(self):
        ended = self.script(f"echo denywrite {self.outside} > {ACL}", "echo 1 > /fuseboxctl/lock", "cat /fuseboxctl/lock; echo",
                            f"echo clearall > {ACL}", "echo 0 > /fuseboxctl/acl_switch", "echo 0 > /fuseboxctl/lock",
                            "echo clearall > /fuseboxctlv1/acl", f"touch {self.outside}/no")
        self.assertEqual(ended.out, "1\n", str(ended))
        self.assertEqual(list(self.outside.iterdir()), [])
        self.assertEqual(len(ended.violations), 5, str(ended))

    def test_the_switch_turns_what_was_asked_for_off_and_on(self):
        ended = self.script(f"echo denywrite {self.dir} > {ACL}", "cd /fuseboxctl", "printf 0 > acl_switch", f"touch {self.dir}/off",
                            "printf 1 > acl_switch", f"touch {self.dir}/on", "cat acl_switch")
        self.assertEqual(sorted(path.name for path in self.dir.iterdir()), ["off"], str(ended))
        self.assertEqual(ended.out, "1")

    def test_what_is_read_can_be_written_back(self):
        ended = self.script(f"printf 'ADDWRITE {self.dir}//x/./y\\n# a comment\\n\\ndenyread /usr/share\\n' > {ACL}", f"cat {ACL} > saved",
                            f"echo clearall > {ACL}", f"cat saved > {ACL}", f"cat {ACL} | cmp - saved && grep -v '^#' saved")
        self.assertEqual(ended.out, f"clearall\n\nallowread {self.dir}/x/y\ndenyread /usr/share\nallowwrite {self.dir}/x/y\n", str(ended))

    def test_what_is_not_understood_changes_nothing(self):
        ended = self.script(f"echo denywrite {self.outside} > {ACL}",
                            f"printf 'clearall\\nallowwhatever /x\\n' > {ACL}; echo $?", f"echo adddeny relative > {ACL}; echo $?",
                            f"echo adddeny /a/../b > {ACL}; echo $?", "echo maybe > /fuseboxctl/acl_switch; echo $?",
                            f"head -c 3000000 /dev/zero > {ACL}; echo $?", "rm -f /fuseboxctl/acl; echo $?", "mv /fuseboxctl /elsewhere; echo $?",
                            "chmod 777 /fuseboxctl/state; echo $?", f"ln {ACL} link; echo $?", f"touch {self.outside}/no")
        self.assertEqual(list(self.outside.iterdir()), [])
        self.assertNotIn("0", ended.out.split(), str(ended))

    def test_the_state_is_json(self):
        ended = self.script(f"echo denywrite {self.dir} > {ACL}", "cat /fuseboxctl/state")
        state = json.loads(ended.out)
        self.assertEqual((state["on"], state["locked"], state["changes"]), (True, False, 1))
        self.assertEqual(state["write"], [{"path": str(self.dir), "verdict": "deny"}])

    def test_ten_thousand_changes_leak_nothing(self):
        program = (
            "import os\n"
            f"def change(i):\n"
            f"    with open('{ACL}', 'w') as acl: acl.write(f'denywrite /x{{i}}\\nadddeny /y{{i}}/z\\n')\n"
            "    try: open('/etc/hostname', 'w')\n"
            "    except PermissionError: pass\n"
            "for i in range(500): change(i)\n"
            "print('begun', flush=True); input()\n"
            "for i in range(10000): change(i)\n"
            "print('done', flush=True); input()\n")
        box = self.start_box(sys.executable, "-c", program, options=("--violations", "report", "--audit", "violations", "-q"),
                             stdin=subprocess.PIPE)
        memory, descriptors = [], []
        for word in ("begun", "done"):
            self.assertEqual(box.stdout.readline().strip(), word)
            status = open(f"/proc/{box.pid}/status").read()
            memory.append(int(status.split("VmRSS:")[1].split()[0]))
            descriptors.append(len(os.listdir(f"/proc/{box.pid}/fd")))
            box.stdin.write("\n")
            box.stdin.flush()
        box.wait(60)
        self.assertLess(descriptors[1] - descriptors[0], 10)
        if boxed.sanitized():
            self.skipTest("a sanitizer keeps what was freed: memory is not compared")
        self.assertLess(memory[1] - memory[0], 2000, "kB more after 10,000 changes")


if __name__ == "__main__":
    boxed.main()

"""A policy in Ruby: what it refuses under a real build, and what happens when it raises, hangs or dies."""

import os
import re
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import boxed  # noqa: E402


@unittest.skipIf(boxed.missing_ground(), boxed.missing_ground())
class Hook(boxed.Case):
    def setUp(self):
        super().setUp()
        if reason := boxed.without_scripts():
            self.skipTest(reason)

    def hook(self, script, *paths, **keys):
        """The options of a box with this script, asked about these paths: what is in the working directory where none is given."""
        self.write("script/policy.rb", script)
        paths = [str(path) for path in paths or (f"{self.dir}/*",)]
        text = f"[hook]\nscript = \"policy.rb\"\npaths = {paths}\n".replace("'", '"')
        text += "".join(f"{key} = \"{value}\"\n" for key, value in keys.items())
        return ("--policy", self.write("script/policy.toml", text))

    def answer(self, body, *paths, **keys):
        """The same, with what on_access does."""
        return self.hook(f"def on_access(access)\n  {body}\nend\n", *paths, **keys)

    def reasons(self, ended):
        return {event["rule"] for event in ended.violations}

    def make_project(self, units=6):
        """A build that compiles and links; one unit is compiled with an argument of its own."""
        for i in range(units):
            self.write(f"work/unit{i}.c", f"#include \"shared.h\"\nint f{i}(void) {{ return SHARED + {i}; }}\n")
        self.write("work/shared.h", "#define SHARED 1\n")
        self.write("work/main.c", "int f0(void);\nint main(void) { return f0() - 1; }\n")
        objects = " ".join(f"unit{i}.o" for i in range(units))
        self.write("work/Makefile", f"all: {objects}\n\tgcc -o program main.c {objects}\nunit3.o: CFLAGS += -DBACKDOOR\n"
                                    "%.o: %.c\n\tgcc $(CFLAGS) -c $<\nclean:\n\trm -f *.o program\n")

    @boxed.needs("make", "gcc")
    def test_a_build_is_refused_what_its_arguments_ask_for(self):
        self.make_project()
        options = self.answer("return nil unless access.program == 'cc1'\n  :deny if access.read? && access.argv.include?('BACKDOOR')",
                              self.dir / "shared.h")
        clean = self.answer("access.argv.include?('NOSUCH') ? :deny : nil", self.dir / "shared.h")
        self.assertEnded(self.run_box("make", "-j2", options=clean))
        self.assertEnded(self.run_outside("make", "clean"))
        self.answer("return nil unless access.program == 'cc1'\n  :deny if access.read? && access.argv.include?('BACKDOOR')",
                    self.dir / "shared.h")
        ended = self.run_box("make", "-k", "-j2", options=options)
        self.assertNotEqual(ended.status, 0)
        self.assertEqual(sorted(path.name for path in self.dir.glob("*.o")), [f"unit{i}.o" for i in (0, 1, 2, 4, 5)], str(ended))
        self.assertEqual({(event["path"], os.path.basename(event["exe"])) for event in ended.violations},
                         {(str(self.dir / "shared.h"), "cc1")})
        self.assertRegex(ended.violations[0]["rule"], r"^hook \".*policy.rb\" \(.*policy.toml:1:1\): deny$")

    @boxed.needs("make", "gcc")
    def test_a_build_is_refused_what_is_not_to_be_done_at_this_hour(self):
        self.make_project(2)
        hour = time.localtime().tm_hour
        script = "return nil unless access.write?\n  access.hold 5\n  hour = Time.now.hour\n  [{}].include?(hour) ? nil : :deny"
        now = self.answer(script.format(f"{hour}, {(hour + 1) % 24}"), self.dir / "program")
        self.assertEnded(self.run_box("make", options=now))
        self.assertEnded(self.run_outside("make", "clean"))
        later = self.answer(script.format(f"{(hour + 12) % 24}"), self.dir / "program")
        ended = self.run_box("make", options=later)
        self.assertNotEqual(ended.status, 0)
        self.assertFalse((self.dir / "program").exists(), str(ended))
        self.assertEqual({event["path"] for event in ended.violations}, {str(self.dir / "program")})

    def test_an_answer_by_the_clock_changes_when_the_clock_does(self):
        ended = self.run_box("sh", "-c", "cat a; sleep 1.2; cat a",
                             options=self.answer("access.hold 0\n  return nil unless access.read?\n  $start ||= Time.now\n  "
                                                 ":deny if Time.now - $start > 1", self.write("work/a", "a\n")))
        self.assertEqual(ended.out, "a\n", str(ended))
        self.assertEqual(len(ended.violations), 1)

    def test_each_verdict_means_what_it_means_in_a_rule(self):
        for name in ("plain", "denied", "predicted", "hidden"):
            self.write(f"work/{name}", f"{name}\n")
        ended = self.run_box("sh", "-c", "cat plain; for f in denied predicted hidden; do cat $f; stat -c %n $f; done 2>&1; ls", options=self.answer(
            "{ 'denied' => :deny, 'predicted' => :predict, 'hidden' => :hide, 'plain' => :allow }[access.path.split('/').last]"))
        said = ended.out.splitlines()
        self.assertEqual(said[0], "plain", str(ended))
        self.assertEqual(said[1:7], ["cat: denied: Permission denied", "denied", "cat: predicted: Permission denied", "predicted",
                                     "cat: hidden: No such file or directory", said[6]], str(ended))
        self.assertIn("No such file", said[6])
        self.assertEqual(said[7:], ["denied", "plain", "predicted"], "what is hidden is not listed")
        self.assertEqual({event["path"] for event in ended.violations}, {str(self.dir / "denied")})

    def test_without_looks_it_is_asked_about_opens_and_changes_alone(self):
        self.write("work/hidden", "h\n")
        options = self.hook("def on_access(access)\n  puts \"asked about #{access.op}\"\n  :hide\nend\n", self.dir / "hidden")
        policy = self.write("script/policy.toml", options[1].read_text() + "looks = false\n")
        ended = self.run_box("sh", "-c", "ls; stat -c %n hidden; cat hidden; rm hidden", options=("--policy", policy))
        self.assertEqual(ended.out, "hidden\nhidden\n", str(ended))
        self.assertIn("cat: hidden: No such file", ended.err)
        self.assertEqual(set(line for line in ended.err.splitlines() if line.startswith("asked")), {"asked about open", "asked about unlink"})
        self.assertTrue((self.dir / "hidden").exists())

    def test_it_can_narrow_and_never_widen(self):
        self.write("closed/secret", "s\n")
        options = self.answer(":allow", "/")
        ended = self.run_box("sh", "-c", f"cat {self.top}/closed/secret; touch {self.outside}/no; touch yes",
                             options=("--deny", self.top / "closed", *options))
        self.assertEqual(ended.out, "")
        self.assertEqual(list(self.outside.iterdir()), [])
        self.assertTrue((self.dir / "yes").exists(), str(ended))

    def test_it_is_told_who_asks_for_what(self):
        self.write("work/a", "a\n")
        ended = self.run_box("sh", "-c", "cat a; mv a b; ln -s x c", options=self.answer(
            "puts [access.op, access.want, access.path, access.to.inspect, access.uid, access.program, access.argv.join(' ')].join('|') "
            "if access.pid > 0 && !access.stat?"))
        asked = [line for line in ended.err.splitlines() if "|" in line]
        self.assertIn(f"open|read|{self.dir}/a|nil|0|cat|cat a", asked, str(ended))
        self.assertIn(f"rename|write|{self.dir}/a|\"{self.dir}/b\"|0|mv|mv a b", asked, str(ended))
        self.assertIn(f"symlink|write|{self.dir}/c|\"x\"|0|ln|ln -s x c", asked, str(ended))
        self.assertEqual(ended.out, "a\n", "what a script prints is no part of the command's output")

    def test_a_process_that_becomes_another_program_is_judged_by_its_new_arguments(self):
        self.write("work/a", "a\n")
        options = self.answer(":deny if access.argv.last == 'second'")
        ended = self.run_box("sh", "-c", "read line < a; echo $line; exec sh -c 'read line < a; echo $line' second", options=options)
        self.assertEqual(ended.out, "a\n\n", str(ended))
        self.assertEqual([event["path"] for event in ended.violations], [str(self.dir / "a")])

    def test_where_it_raises_the_answer_is_no_and_the_log_says_why(self):
        self.write("work/a", "a\n")
        ended = self.run_box("sh", "-c", "cat a; touch b; true", options=self.answer("raise 'no idea'"))
        self.assertEqual(ended.out, "")
        self.assertEqual(ended.status, 1)
        self.assertFalse((self.dir / "b").exists())
        for reason in self.reasons(ended):
            self.assertRegex(reason, r"policy.rb:2: no idea \(RuntimeError\)$")

    def test_where_it_gives_what_is_no_verdict_the_answer_is_no(self):
        self.write("work/a", "a\n")
        for value in ("42", "'deny'", ":permit", "true", "[:deny]", "access"):
            with self.subTest(value):
                ended = self.run_box("cat", "a", options=self.answer(value))
                self.assertEqual(ended.out, "")
                self.assertTrue(all("TypeError" in reason for reason in self.reasons(ended)), str(ended))

    def test_where_it_hangs_the_answer_is_no_in_time(self):
        self.write("work/a", "a\n")
        ended = self.run_box("sh", "-c", "for i in 1 2 3 4 5; do cat a; done", options=self.answer("loop { }", time_limit="300ms"))
        self.assertEqual(ended.out, "")
        reasons = " ".join(self.reasons(ended))
        self.assertIn("no answer within 300ms", reasons)
        self.assertIn("still has not answered", reasons)

    def test_where_it_ends_the_answer_is_no_from_then_on(self):
        self.write("work/a", "a\n")
        for body, how in {"exit 3": "exit status 3", "Process.kill :KILL, Process.pid": "signal 9",
                          "access.argv; x = 'x'; loop { x += x }": "NoMemoryError"}.items():
            with self.subTest(body):
                ended = self.run_box("sh", "-c", "cat a; cat a; true", options=self.answer(body, time_limit="20s"))
                self.assertEqual(ended.out, "")
                self.assertTrue(any(how in reason for reason in self.reasons(ended)), str(ended))

    def test_others_are_served_while_it_thinks(self):
        self.write("work/slow/a", "a\n")
        ended = self.run_box("sh", "-c", "cat slow/a & for i in $(seq 50); do cat /etc/hostname > f$i; done; touch go; wait",
                             options=self.answer(f"sleep 0.02 until access.stat? || File.exist?('{self.dir}/go')", self.dir / "slow", time_limit="100s"))
        self.assertEnded(ended)
        self.assertEqual(ended.out, "a\n", "it was answered once the others were done")

    def test_a_mistake_is_said_before_anything_starts(self):
        for script, said in {"def on_access(a\n": r"policy\.rb:\d+:\d+: syntax error", "raise 'at once'\n": r"policy\.rb:1: at once \(RuntimeError\)",
                             "x = 1\n": "has neither on_access nor a rule|has no on_access",
                             "on(:wirte, '/x') { }\ndef on_access(a) end\n": r"policy\.rb:1: unknown event 'wirte' \(did you mean 'write'\?\)",
                             "\non(:write, 'x') { }\ndef on_access(a) end\n": r"policy\.rb:2: relative path 'x' in a rule",
                             "on(:write, '/x')\n": r"policy\.rb:1: on without a block"}.items():
            with self.subTest(script):
                options = self.hook(script)
                for ended in (self.run_box("touch", "started", options=options), self.fusebox("policy", "check", options[1])):
                    self.assertEqual(ended.status if isinstance(ended, boxed.Ended) else ended.returncode, 125)
                    self.assertOneLine(ended.err if isinstance(ended, boxed.Ended) else ended.stderr, said)
                self.assertFalse((self.dir / "started").exists())

    def test_the_box_cannot_change_the_script(self):
        options = ("--write", self.top, *self.answer(":deny if access.write?", self.dir / "kept"))
        ended = self.run_box("sh", "-c", f"echo > {self.top}/script/policy.rb; rm -f {self.top}/script/policy.rb; touch kept", options=options)
        self.assertIn("on_access", (self.top / "script/policy.rb").read_text(), str(ended))
        self.assertFalse((self.dir / "kept").exists())

    def test_a_block_acts_on_what_has_happened(self):
        script = (f"on([:create, :delete], '{self.dir}') {{ |event| File.open('{self.outside}/seen', 'a') {{ |file| "
                  "file.puts \"#{event.op} #{event.path} #{event.program} #{event.json[0]}\" } }\n"
                  f"on(:rename, '{self.dir}') {{ |event| raise 'no renames' }}\n")
        self.write("script/policy.rb", script)
        options = ("--policy", self.write("script/policy.toml", "[hook]\nscript = \"policy.rb\"\n[actions]\nwait_at_end = \"100s\"\n"))
        ended = self.run_box("sh", "-c", "touch a; mv a b; rm b", options=options)
        self.assertEnded(ended)
        self.assertEqual((self.outside / "seen").read_text(), f"create {self.dir}/a touch {{\nunlink {self.dir}/b rm {{\n")
        missed = [event for event in ended.events if event["verdict"] == "undelivered"]
        self.assertEqual([(event["path"], event["why"]) for event in missed],
                         [(f"{self.dir}/a", f"{self.top}/script/policy.rb:2: no renames (RuntimeError)")], str(ended))

    def test_a_block_that_waits_holds_up_no_answer(self):
        options = self.hook(f"on(:create, '{self.dir}') {{ |event| sleep 60 }}\ndef on_access(access) nil end\n")
        begun = time.monotonic()
        ended = self.run_box("sh", "-c", "for i in 1 2 3; do touch $i; sleep 0.2; cat $i; done",
                             options=("--policy", self.write("script/policy.toml", options[1].read_text() + "[actions]\nwait_at_end = \"100ms\"\n")))
        self.assertLess(time.monotonic() - begun, 50)
        self.assertEnded(ended)
        self.assertEqual(len([event for event in ended.events if event["verdict"] == "undelivered"]), 3)

    def test_when_fusebox_is_killed_the_script_ends(self):
        box = self.start_box("sleep", "60", options=self.hook("def on_access(access) loop {} end\non(:write, '/') { sleep 60 }\n"))
        time.sleep(0.5)
        box.send_signal(signal.SIGKILL)  # that nothing is left is checked at the end of each test

    def test_the_sample_works(self):
        source = os.path.join(os.path.dirname(__file__), "../../examples/ruby/policy.rb")
        self.write("work/release/v1", "1\n")
        self.write("home/.netrc", "machine x\n")
        script = open(source).read().replace(".between?(6, 21)", ".between?(0, 23)")
        options = self.hook(script, self.dir / "release", self.home / ".netrc")
        ended = self.run_box("sh", "-c", f"touch release/v2; cp --force release/v1 release/v3; rm release/v1; cat {self.home}/.netrc; true",
                             options=options)
        self.assertEqual(sorted(path.name for path in (self.dir / "release").iterdir()), ["v1", "v2"], str(ended))
        self.assertIn(".netrc: No such file", ended.err)


if __name__ == "__main__":
    boxed.main()

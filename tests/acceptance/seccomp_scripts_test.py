"""Filters as Ruby scripts: `fusebox seccomp run`, what its module Seccomp does, and what is made of a script elsewhere."""

import json
import pathlib
import re
import unittest

import boxed

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples/ruby/seccomp"


class Scripts(boxed.Case):
    def setUp(self):
        super().setUp()
        if reason := boxed.without_scripts():
            self.skipTest(reason)

    def script(self, text, name="x.rb"):
        return self.write(f"work/{name}", text)

    def ruby(self, text, *arguments, **more):
        return self.fusebox("seccomp", "run", self.script(text), *arguments, **more)

    def assertSays(self, text, *lines, **more):
        done = self.ruby(text, **more)
        self.assertEqual((done.returncode, done.stdout.splitlines()), (0, list(lines)), done.stderr)

    def test_a_killed_call_ends_its_process_with_sigsys(self):
        self.assertSays("""
            pid = Process.fork do
              context = Seccomp.new(default: :allow) { |rule| rule.kill(:uname) }
              context.load
              exec "/usr/bin/uname", "-a"
            end
            _, status = Process.waitpid2 pid
            p status.signaled?, status.termsig""", "true", "31")

    def test_an_errno_comes_out_of_the_call(self):
        done = self.ruby("""
            Seccomp.new(default: :allow) { |rule| rule.errno(Errno.const_get(ARGV[0]).new.errno, :uname) }.load
            exec "/usr/bin/uname", "-a" """, "EBUSY")
        self.assertEnded(done, 1)
        self.assertIn("uname: cannot get system name: Device or resource busy", done.stderr)

    def test_an_argument_is_tested_at_its_place(self):
        done = self.ruby("""
            Seccomp.new(default: :allow) { |rule|
              rule.kill(:mkdir, Seccomp::ARG(:>=, 0), Seccomp::ARG(:==, 0711)) }.load
            Dir.mkdir("good", 0700)
            exec "/bin/sh", "-c", "mkdir -m 0700 better; python3 -c 'import os; os.mkdir(\\"bad\\", 0o711)'; echo $?" """)
        self.assertEqual(done.stdout, "159\n", done.stderr)
        self.assertEqual([(self.dir / name).exists() for name in ("good", "better", "bad")], [True, True, False])

    def test_every_way_to_write_a_comparison_is_understood(self):
        self.assertSays("""
            numbers = { eq: :==, ne: :!=, lt: :<, le: :<=, gt: :>, ge: :>= }.map do |word, sign|
              [word, sign, word.to_s, Seccomp.const_get("SCMP_CMP_#{word.to_s.upcase}"), :"SCMP_CMP_#{word.to_s.upcase}"]
                .map { |op| Seccomp::ARG(op, 5).to_real_operator(0).fields }.uniq.size
            end
            p numbers.uniq
            masked = [:=~, :masked_eq, :masqed_eq, :SCMP_CMP_MASKED_EQ, Seccomp::SCMP_CMP_MASKED_EQ]
            p masked.map { |op| Seccomp::ARG(op, 0xff, 5).to_real_operator(0).fields }.uniq.size""", "[1]", "1")

    def test_the_filter_of_the_readme_of_mruby_seccomp_can_be_made(self):
        self.assertSays("""
          Seccomp.new(default: :kill) do |rule|
            rule.allow(:read, Seccomp::ARG(:==, $stdin.fileno), Seccomp::ARG(:!=, 0x0), Seccomp::ARG(:<=, File::SSIZE_MAX))
          end
          p File::SSIZE_MAX""", "9223372036854775807")

    def test_a_negative_number_in_a_comparison_is_one(self):
        path = self.script("Seccomp.new(default: :allow) { |r| r.kill(:mkdir, Seccomp::ARG(:=~, 0xff, -1)) }")
        rules = json.loads(self.fusebox("seccomp", "export", "--oci", path).stdout)["syscalls"]
        self.assertEqual(rules[0]["args"], [{"index": 0, "value": 255, "valueTwo": 2**64 - 1, "op": "SCMP_CMP_MASKED_EQ"}])

    def test_reset_takes_a_symbol_an_integer_and_an_array(self):
        self.assertSays("""
            context = Seccomp.new(default: :kill) { |rule| rule.allow(:read) }
            p context.reset(:allow), context.reset(Seccomp::SCMP_ACT_LOG), context.reset([:errno, 5])
            context.allow(:uname)
            p context.to_oci.include?('"defaultErrnoRet": 5'), context.to_oci.include?("read")""",
                        "0", "0", "0", "true", "false")

    def test_what_is_wrong_with_a_rule_is_said(self):
        wrong = {
            "allow(:nosuchcall)": "unknown system call: nosuchcall (ArgumentError)",
            "kill('nosuchcall')": "unknown system call: nosuchcall (ArgumentError)",
            "allow(99999)": "unknown system call: 99999 (ArgumentError)",
            "allow(:mkdir)": "rule allow for mkdir: that is the default action already (ArgumentError)",
            "kill(:mkdir, 5)": "not made by Seccomp::ARG: 5 (TypeError)",
            "kill(:mkdir, Seccomp::ARG(:===, 5))": "Invalid op expression: === (ArgumentError)",
            "kill(:mkdir, *([Seccomp::ARG(:>=, 0)] * 7))": "a system call has 6 arguments, no more (ArgumentError)",
            "errno(5000, :mkdir)": "errno: 0 to 4095, not 5000 (ArgumentError)",
            "add_rule(:what, :mkdir)": "Invalid action name: what (ArgumentError)",
        }
        for code, message in wrong.items():
            with self.subTest(code):
                done = self.ruby(f"c = Seccomp.new(default: :allow)\nc.{code}\n")
                self.assertEnded(done, 1)
                self.assertEqual(done.stderr, f"{self.dir}/x.rb:2: {message}\n")
        self.assertSays("begin; Seccomp.new; rescue ArgumentError => e; puts e.message; end",
                        "Please specify default action by `default: ...'")

    def test_calls_have_numbers_and_names(self):
        self.assertSays("p Seccomp.syscall_to_i(:openat2), Seccomp.syscall_to_i('fchmodat2'), Seccomp.syscall_to_i(:no), "
                        "Seccomp.syscall_to_name(437), Seccomp.syscall_to_tupple(437), Seccomp.to_syscall(437)",
                        "437", "452", "nil", '"openat2"', '["openat2", 437]', "437")

    def test_a_load_that_fails_raises_the_errno_that_libseccomp_returned(self):
        self.assertSays("""
            Seccomp.new(default: :allow) { |rule| rule.errno(28, :prctl) }.load
            begin
              Seccomp.new(default: :allow) { |rule| rule.kill(:uname) }.load
            rescue SystemCallError => e
              puts e.message
            end""", "Bad address - seccomp_load")

    def test_a_refusal_that_another_rule_undoes_is_an_error(self):
        done = self.ruby("""
            c = Seccomp.new(default: :allow) { |r| r.log(:mkdir); r.kill(:mkdir, Seccomp::ARG(:==, 0)) }
            c.load""")
        self.assertEnded(done, 1)
        self.assertIn("mkdir: a rule kill has no effect beside the rule log", done.stderr)

    def test_a_fork_of_a_filter_holds_only_the_child_to_it(self):
        done = self.ruby("""
            filter = Seccomp.new(default: :allow) { |rule| rule.errno(:EBUSY, :uname) }
            _, status = filter.fork(true) { exec "/usr/bin/uname" }
            p status.exitstatus
            p Process.waitpid2(filter.jailed_fork { exit 7 })[1].exitstatus
            exec "/usr/bin/uname" """)
        self.assertEqual(done.stdout, "1\n7\nLinux\n")

    def test_a_tracer_sees_each_call_of_all_that_a_process_starts(self):
        self.assertSays("""
            pid = fork do
              filter = Seccomp.new(default: :allow) { |rule| rule.trace(:mkdir, 77) }
              sleep 0.2
              filter.load
              exec "/bin/sh", "-c", "mkdir a; (mkdir b; mkdir c) & wait; exit 5"
            end
            calls = []
            status = Seccomp.start_trace(pid) { |syscall, who, userdata| calls << [syscall, who, userdata] }
            p calls.map { |c| [Seccomp.syscall_to_name(c[0]), c[2]] }, calls.map { |c| c[1] }.uniq.size
            p status.exited?, status.exitstatus, $?.exitstatus, status.pid == pid""",
                        '[["mkdir", 77], ["mkdir", 77], ["mkdir", 77]]', "3", "true", "5", "5", "true")

    def test_a_tracer_tells_of_a_death_by_signal(self):
        self.assertSays("""
            pid = fork { sleep 0.2; exec "/bin/sh", "-c", "kill -TERM $$" }
            status = Seccomp.start_trace(pid) { }
            p status.signaled?, status.termsig, $?.termsig""", "true", "15", "15")

    def test_a_tracer_that_detaches_hears_of_one_call(self):
        self.assertSays("""
            pid = fork do
              filter = Seccomp.new(default: :allow) { |rule| rule.trace(:mkdir, 0) }
              sleep 0.2
              filter.load
              Dir.mkdir "first"
              begin
                Dir.mkdir "second"
              rescue Errno::ENOSYS
                exit 3
              end
            end
            count = 0
            status = Seccomp.start_trace_detach(pid) { count += 1 }
            p status.exited?, count, Process.waitpid2(pid)[1].exitstatus""", "false", "1", "3")
        self.assertTrue((self.dir / "first").exists())

    def test_who_lives_on_after_the_first_process_is_let_go(self):
        done = self.ruby("""
            pid = fork do
              sleep 0.2
              Seccomp.new(default: :allow) { |rule| rule.trace(:uname, 0) }.load
              exec "/bin/sh", "-c", "(sleep 0.3; uname || echo no tracer; echo went on) & exit 0"
            end
            p Seccomp.start_trace(pid) { }.exitstatus
            sleep 1""")
        self.assertEqual(done.stdout, "0\nno tracer\nwent on\n", done.stderr)

    def test_a_block_of_a_tracer_that_raises_lets_all_go_on(self):
        done = self.ruby("""
            pid = fork do
              filter = Seccomp.new(default: :allow) { |rule| rule.trace(:mkdir, 0) }
              sleep 0.2
              filter.load
              exec "/bin/sh", "-c", "mkdir a; mkdir b; exit 4"
            end
            begin
              Seccomp.start_trace(pid) { raise "enough" }
            rescue => e
              puts e.message
            end
            p Process.waitpid2(pid)[1].exitstatus""")
        self.assertEqual(done.stdout, "enough\n4\n", done.stderr)
        self.assertTrue((self.dir / "a").exists())

    def test_a_supervisor_answers_calls(self):
        done = self.ruby("""
            ours, theirs = Socket.pair(Socket::AF_UNIX, Socket::SOCK_STREAM, 0)
            pid = fork do
              filter = Seccomp.new(default: :allow) { |rule| rule.notify(:mkdir) }
              filter.load
              Seccomp.sendfd(theirs, filter.notify_fd)
              4.times do |i|
                begin
                  p Dir.mkdir("foo-#{i}", 0700)
                rescue => e
                  p e.class
                end
              end
            end
            calls = Seccomp::Notification.new(Seccomp.recvfd(ours))
            n = 0
            loop do
              calls.respond do |call|
                raise "wrong" unless call.pid == pid && call.raw_args[1] == 0700 && call.id_valid?
                case n += 1
                when 1 then call.retval = -1; call.reterror = -Errno::EBUSY.new.errno
                when 2 then call.continue = true
                when 3 then call.retval = 0
                else call.reterror = Errno::EDQUOT::Errno
                end
              end
            end
            p n, Process.waitpid2(pid)[1].exitstatus""")
        self.assertEqual(done.stdout.splitlines(), ["Errno::EBUSY", "0", "0", "Errno::EDQUOT", "4", "0"], done.stderr)
        self.assertEqual([(self.dir / f"foo-{i}").exists() for i in range(4)], [False, True, False, False])

    def test_a_supervisor_that_raises_refuses_the_call(self):
        done = self.ruby("""
            ours, theirs = Socket.pair(Socket::AF_UNIX, Socket::SOCK_STREAM, 0)
            pid = fork do
              filter = Seccomp.new(default: :allow) { |rule| rule.notify(:mkdir) }
              filter.load
              Seccomp.sendfd(theirs, filter.notify_fd)
              begin
                Dir.mkdir("foo")
              rescue => e
                p e.class
              end
            end
            begin
              Seccomp::Notification.new(Seccomp.recvfd(ours)).respond { raise "I do not know" }
            rescue => e
              p e.message
            end
            Process.waitpid2(pid)""")
        # Two processes print at once: a line and its end may come apart.
        self.assertEqual(sorted(re.findall(r'"I do not know"|Errno::EPERM|\S', done.stdout)), ['"I do not know"', "Errno::EPERM"],
                         done.stderr)

    def test_a_descriptor_of_a_filter_that_is_not_loaded_is_an_error(self):
        self.assertSays("""
            filter = Seccomp.new(default: :allow) { |rule| rule.notify(:mkdir) }
            begin; filter.notify_fd; rescue StandardError => e; puts e.message; end
            begin; Seccomp.recvfd(99); rescue SystemCallError => e; p e.class; end""",
                        "notify_fd: the filter is not loaded", "Errno::EBADF")

    def test_a_block_for_trapped_calls_runs_when_the_call_has_failed(self):
        self.assertSays("""
            seen = []
            Seccomp.on_trap { |syscall| seen << Seccomp.syscall_to_name(syscall) }
            Seccomp.new(default: :allow) { |rule| rule.trap(:uname); rule.trap(:mkdir) }.load
            begin; Uname.nodename; rescue => e; p e.class; end
            p seen
            begin; Dir.mkdir "x"; rescue => e; p e.class; end
            p seen""", "Errno::ENOSYS", '["uname"]', "Errno::ENOSYS", '["uname", "mkdir"]')

    def test_a_trap_in_the_middle_of_an_allocation_harms_nothing(self):
        """The allocator's own calls are trapped, thousands of times, while objects are made."""
        done = self.ruby("""
            count = 0
            Seccomp.on_trap { |syscall| count += 1 if syscall == Seccomp.syscall_to_i(:madvise) || syscall == 63 }
            Seccomp.new(default: :allow) { |rule| rule.trap(:uname); rule.trap(:madvise); rule.trap(:mremap) }.load
            texts = []
            2000.times do |i|
              texts << ("x" * (i * 97 % 300_000))
              texts.shift if texts.size > 40
              begin; Uname.nodename; rescue Errno::ENOSYS; end
            end
            p count >= 2000, texts.size""")
        self.assertEqual((done.returncode, done.stdout), (0, "true\n40\n"), done.stderr)

    def test_a_trap_by_the_last_call_of_a_script_is_told_too(self):
        self.assertSays("""
            Seccomp.on_trap { |syscall| puts "trapped #{Seccomp.syscall_to_name(syscall)}" }
            Seccomp.new(default: :allow) { |rule| rule.trap(:getgid) }.load
            Process.gid""", "trapped getgid")

    def test_a_signal_thread_tells_of_the_trapped_call(self):
        self.assertSays("""
            SignalThread.trap(:SIGSYS, detailed: true) { |info| p info.signo, info.syscall }
            Seccomp.new(default: :allow) { |rule| rule.trap(:uname) }.load
            begin; Uname.nodename; rescue => e; puts e.message; end""", "31", "63", "Function not implemented - uname")

    def test_a_script_ends_as_ruby_does(self):
        done = self.ruby("x = 1\ny = (\n")
        self.assertEnded(done, 1)
        self.assertRegex(done.stderr, rf"^{re.escape(str(self.dir))}/x\.rb:3:\d+: syntax error")
        done = self.ruby("def f\n  raise 'no'\nend\nf")
        self.assertEqual((done.returncode, done.stderr), (1, f"{self.dir}/x.rb:2: no (RuntimeError)\n"))
        self.assertEnded(self.ruby("exit 9"), 9)
        self.assertEnded(self.fusebox("seccomp", "run", "missing.rb"), 1)

    def test_a_script_is_exported_without_being_loaded(self):
        forked = self.script("""
            puts "noise"
            pid = Process.fork do
              context = Seccomp.new(default: :allow) { |rule| rule.errno(16, :uname) }
              context.load
              exec "/usr/bin/touch", "executed"
            end
            Process.waitpid2 pid""")
        done = self.fusebox("seccomp", "export", "--oci", forked)
        self.assertEqual(json.loads(done.stdout), {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["uname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 16}]})
        self.assertFalse((self.dir / "executed").exists())
        self.assertTrue(self.fusebox("seccomp", "export", "--pfc", forked).stdout.startswith("#\n# pseudo filter code start"))
        program = self.run_outside("sh", "-c", f"{boxed.BINARY} seccomp export --bpf {forked} | wc -c").stdout
        self.assertEqual(int(program) % 8, 0)
        self.assertGreater(int(program), 40)

    def test_a_script_that_makes_no_filter_is_no_filter(self):
        for text, why in (("puts 1", "it makes no filter"), ("raise 'no'", r"x\.rb:1: no \(RuntimeError\)"), ("(", "syntax error")):
            for arguments in (("seccomp", "check"), ("run", "--seccomp")):
                done = self.fusebox(*arguments, self.script(text), *(["true"] if arguments[0] == "run" else []))
                self.assertEnded(done, 2)
                self.assertRegex(done.stderr.splitlines()[-1], rf"^fusebox: .*x\.rb: .*{why}")

    def test_a_box_is_held_to_a_script(self):
        ended = self.run_box("sh", "-c", "uname; python3 -c 'print(1)'", options=["--seccomp", EXAMPLES / "no_names.rb"])
        self.assertIn("uname: cannot get system name: Operation not permitted", ended.err)
        self.assertEqual(ended.out, "1\n")

    def test_the_examples_do_what_they_say(self):
        example = lambda name, *arguments: self.fusebox("seccomp", "run", EXAMPLES / name, *arguments)
        done = example("refuse.rb", "uname", "EBUSY", "uname", "-a")
        self.assertEqual(done.stdout, "ended with 1\n")
        self.assertIn("Device or resource busy", done.stderr)
        done = example("count.rb", "mkdir,rmdir", "sh", "-c", "mkdir a b && rmdir a; exit 6")
        self.assertEqual((done.returncode, done.stdout), (6, "mkdir 2\nrmdir 1\n"), done.stderr)
        done = example("ask.rb", self.dir, "mkdir", f"{self.dir}/in", f"{self.outside}/out")
        self.assertEqual((done.returncode, done.stdout), (1, f'refused: mkdir "{self.outside}/out"\n'), done.stderr)
        self.assertEqual((done.returncode, (self.dir / "in").exists(), (self.outside / "out").exists()), (1, True, False))
        for name in ("refuse.rb", "count.rb", "ask.rb"):
            self.assertEnded(example(name), 2)


if __name__ == "__main__":
    boxed.main()

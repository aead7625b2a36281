"""Seccomp profiles in JSON: read, written, exported, and held to, with a box and without."""

import itertools
import json
import pathlib
import platform
import subprocess
import unittest

import boxed

PROFILE = pathlib.Path(__file__).with_name("docker_like_profile.json")

# Calls by number, as x86_64 has them.
IO_URING_SETUP, GET_MEMPOLICY = 425, 239

# What a box of root's keeps; see src/box/capabilities.cc.
BOX_CAPABILITIES = {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_SETFCAP", "CAP_SETUID", "CAP_SETGID",
                    "CAP_KILL", "CAP_SETPCAP", "CAP_SYS_CHROOT", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_NET_BIND_SERVICE"}


def calling(number, *arguments):
    """A command that says with which errno a raw system call ended; 0: it did not fail."""
    return ("/usr/bin/python3", "-c",
            "import ctypes; l = ctypes.CDLL(None, use_errno=True); "
            f"r = l.syscall({', '.join(map(str, (number, *arguments)))}); print(ctypes.get_errno() if r < 0 else 0)")


def resolved(profile, capabilities):
    """The rules of Docker's dialect that hold here, as a set: read after the specification, not after our source."""
    release = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])

    def true_of(conditions):
        if conditions.get("caps"):
            yield from (name in capabilities for name in conditions["caps"])
        if conditions.get("arches"):
            yield "amd64" in conditions["arches"]
        if conditions.get("minKernel"):
            yield release >= tuple(int(part) for part in conditions["minKernel"].split("."))

    found = set()
    for rule in profile["syscalls"]:
        if not all(true_of(rule.get("includes") or {})) or any(true_of(rule.get("excludes") or {})):
            continue
        arguments = tuple((a["index"], a["value"], a.get("valueTwo", 0), a["op"]) for a in rule.get("args") or [])
        found |= {(name, rule["action"], rule.get("errnoRet"), arguments) for name in rule["names"]}
    return found


def rule_for(*names, action="SCMP_ACT_ERRNO", **more):
    return {"names": list(names), "action": action, **more}


class Seccomp(boxed.Case):
    def profile(self, *rules, name="profile.json", default="SCMP_ACT_ALLOW", **more):
        return self.write(f"work/{name}", json.dumps({"defaultAction": default, "syscalls": list(rules), **more}))

    def assertRefused(self, done, *parts):
        self.assertEnded(done, 2)
        self.assertOneLine(done.stderr, *parts)

    @unittest.skipUnless(platform.machine() == "x86_64", "the profile's conditions are resolved for amd64 here")
    def test_a_profile_in_dockers_dialect_imports_as_what_holds_of_it(self):
        for words, capabilities in (("box", BOX_CAPABILITIES), ("none", set()), ("CAP_SYS_ADMIN", {"CAP_SYS_ADMIN"})):
            with self.subTest(words):
                done = self.fusebox("seccomp", "import", "--caps", words, PROFILE)
                self.assertEnded(done)
                plain = json.loads(done.stdout)
                self.assertEqual(resolved(plain, set()), resolved(json.loads(PROFILE.read_text()), capabilities))
                self.assertEqual((plain["defaultAction"], plain["defaultErrnoRet"]), ("SCMP_ACT_ERRNO", 1))
                self.assertEqual(plain["architectures"], ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"])
                self.assertNotIn("archMap", plain)
                self.assertIn(" conditional rules hold, for amd64, Linux ", done.stderr)
                self.assertIn("warning: unknown to libseccomp", done.stderr)
                self.assertIn("a_call_of_next_year", done.stderr)

    def test_what_was_imported_is_exported_as_it_is(self):
        plain = self.write("work/plain.json", self.fusebox("seccomp", "import", PROFILE).stdout)
        self.assertEqual(self.fusebox("seccomp", "export", "--oci", plain).stdout, plain.read_text())

    def test_a_command_under_an_imported_profile_works_and_makes_no_namespace(self):
        plain = self.write("work/plain.json", self.fusebox("seccomp", "import", "--caps", "none", PROFILE).stdout)
        done = self.fusebox("seccomp", "run", plain, "unshare", "-U", "true")
        self.assertEnded(done, 1)
        self.assertIn("unshare failed: Operation not permitted", done.stderr)
        done = self.fusebox("seccomp", "run", plain, "ls", "-l", "/")
        self.assertEnded(done)
        self.assertIn(" usr", done.stdout)

    def test_a_box_is_held_to_a_profile_on_top_of_its_floor(self):
        ended = self.run_box("sh", "-c", "ls / >/dev/null && unshare -U true; grep Seccomp_filters /proc/self/status",
                             options=["--seccomp", PROFILE])
        self.assertEnded(ended)
        self.assertIn("unshare failed: Operation not permitted", ended.err)
        self.assertEqual(ended.out, "Seccomp_filters:\t2\n")
        self.assertRegex(ended.err, r"conditional rules hold, for .* and the capabilities CAP_CHOWN .*CAP_SYS_CHROOT")

    @unittest.skipUnless(platform.machine() == "x86_64", "calls by their number on x86_64")
    def test_what_the_floor_allows_the_profile_refuses(self):
        for number in (IO_URING_SETUP, GET_MEMPOLICY):
            self.assertNotEqual(self.run_box(*calling(number, 0, 0, 0, 0, 0)).out, "1\n")
            self.assertEqual(self.run_box(*calling(number, 0, 0, 0, 0, 0), options=["--seccomp", PROFILE]).out, "1\n")

    def test_a_profile_that_allows_all_takes_nothing_from_the_floor(self):
        ended = self.run_box("unshare", "-U", "true", options=["--seccomp", self.profile()])
        self.assertEnded(ended, 1)
        self.assertIn("Operation not permitted", ended.err)

    def test_an_errno_an_argument_and_a_kill_act_as_the_profile_says(self):
        path = self.profile(
            rule_for("uname", errnoRet=16),
            rule_for("mkdir", action="SCMP_ACT_KILL_PROCESS", args=[{"index": 1, "value": 0o711, "op": "SCMP_CMP_EQ"}]))
        for run in (lambda *c: self.fusebox("seccomp", "run", path, *c),
                    lambda *c: self.fusebox("run", "-q", "--seccomp", path, "--", *c)):
            done = run("uname", "-a")
            self.assertEnded(done, 1)
            self.assertIn("Device or resource busy", done.stderr)
            self.assertEnded(run("python3", "-c", "import os; os.mkdir('good', 0o700)"))
            done = run("sh", "-c", "python3 -c 'import os; os.mkdir(\"bad\", 0o711)'; echo $?")
            self.assertEqual(done.stdout, "159\n")
            (self.dir / "good").rmdir()
        self.assertFalse((self.dir / "bad").exists())

    def test_a_command_that_the_profile_does_not_let_begin_does_not_begin(self):
        ended = self.run_box("touch", "made", options=["--seccomp", self.profile(rule_for("execve", action="SCMP_ACT_KILL_PROCESS"))])
        self.assertNotEqual(ended.status, 0)
        self.assertFalse((self.dir / "made").exists())

    def test_the_profile_of_a_run_cannot_be_changed_by_it(self):
        path = self.profile()
        before = path.read_text()
        self.run_box("sh", "-c", f"echo '{{}}' > {path}", options=["--seccomp", path])
        self.assertEqual(path.read_text(), before)

    def test_an_unknown_call_is_an_error_where_it_is_refused_and_a_warning_where_it_is_allowed(self):
        refused = self.profile(rule_for("nosuchcall"), name="refused.json")
        for arguments in (("seccomp", "check", refused), ("seccomp", "export", "--bpf", refused),
                          ("seccomp", "run", refused, "true"), ("run", "--seccomp", refused, "true")):
            self.assertRefused(self.fusebox(*arguments), "unknown system call: nosuchcall")
        allowed = self.profile(rule_for("nosuchcall", action="SCMP_ACT_ALLOW"), default="SCMP_ACT_ERRNO", name="allowed.json")
        done = self.fusebox("seccomp", "check", allowed)
        self.assertEnded(done)
        self.assertOneLine(done.stderr, "warning: unknown to libseccomp [0-9.]+, so the default holds for them: nosuchcall")

    def test_a_profile_with_an_error_starts_nothing(self):
        made = self.dir / "made"
        for text in ("", "{", "[]", '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a"], "action": "no"}]}',
                     '{"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1}'):
            path = self.write("work/wrong.json", text)
            self.assertRefused(self.fusebox("run", "--seccomp", path, "--", "touch", made), "wrong.json")
            self.assertRefused(self.fusebox("seccomp", "run", path, "touch", made), "wrong.json")
        for path in (self.dir / "missing.json", self.dir):
            done = self.fusebox("run", "--seccomp", path, "--", "touch", made)
            self.assertEnded(done, 125)
            self.assertOneLine(done.stderr)
        self.assertFalse(made.exists())

    def test_a_profile_that_asks_somebody_is_refused_where_nobody_is(self):
        for action in ("SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE"):
            path = self.profile(rule_for("mkdir", action=action))
            self.assertRefused(self.fusebox("run", "--seccomp", path, "true"), "notify or trace, and nobody is there to answer")
            self.assertEnded(self.fusebox("seccomp", "check", path))

    def test_pseudo_code_says_what_the_filter_does(self):
        code = self.fusebox("seccomp", "export", "--pfc", self.profile(rule_for("uname", errnoRet=16))).stdout
        self.assertTrue(code.startswith("#\n# pseudo filter code start\n#\n"), code)
        self.assertIn('# filter for syscall "uname"', code)
        self.assertIn("action ERRNO(16);", code)

    def test_the_kernel_takes_an_exported_program_as_it_is(self):
        program = self.dir / "x.bpf"
        with program.open("wb") as out:
            subprocess.run([boxed.BINARY, "seccomp", "export", "--bpf", self.profile(rule_for("uname", errnoRet=16))],
                           stdout=out, check=True)
        loader = ("import ctypes, os, sys\n"
                  "code = open('x.bpf', 'rb').read()\n"
                  "class Program(ctypes.Structure):\n"
                  "  _fields_ = [('length', ctypes.c_ushort), ('filter', ctypes.c_char_p)]\n"
                  "libc = ctypes.CDLL(None)\n"
                  "assert libc.prctl(38, 1, 0, 0, 0) == 0\n"
                  "assert libc.prctl(22, 2, ctypes.byref(Program(len(code) // 8, code))) == 0\n"
                  "try: os.uname()\n"
                  "except OSError as error: print(error.strerror)\n")
        done = self.run_outside("/usr/bin/python3", "-c", loader)
        self.assertEqual(done.stdout, "Device or resource busy\n", done.stderr)

    @boxed.needs("bwrap")
    def test_bubblewrap_honours_an_exported_program(self):
        path = self.profile(rule_for("uname", errnoRet=16))
        done = self.run_outside("sh", "-c", f"{boxed.BINARY} seccomp export --bpf {path} > x.bpf && "
                                            "bwrap --dev-bind / / --seccomp 9 uname 9<x.bpf")
        self.assertEnded(done, 1)
        self.assertIn("Device or resource busy", done.stderr)

    def test_a_wrong_command_line_is_said_so(self):
        path = self.profile()
        for arguments in (("export", path), ("export", "--pfc", "--oci", path), ("check",), ("run",), ("run", path),
                          ("import", "--caps", "CAP_EVERYTHING", path)):
            self.assertRefused(self.fusebox("seccomp", *arguments))

    def test_a_large_profile_ends_soon(self):
        """libseccomp's time grows with the cube of the number of conditions, so too many are refused before it."""
        arguments = ([{"index": 1, "value": value, "op": "SCMP_CMP_EQ"}] for value in itertools.count())
        path = self.profile(*(rule_for("ioctl", args=next(arguments)) for _ in range(4000)))
        done = self.run_outside(boxed.BINARY, "seccomp", "check", path, timeout=20)
        self.assertRefused(done, "more than 800 calls with conditions")


if __name__ == "__main__":
    boxed.main()

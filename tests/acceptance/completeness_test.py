"""Whatever strace sees a build open, outside of a box, is in the audit log of the same build in a box."""

import os
import pathlib
import re
import shutil
import stat

import boxed

HELLO = pathlib.Path(__file__).parents[2] / "build/bench/hello-2.10"  # where `make bench` keeps it

# Names that are new each time.
SCRATCH = re.compile(r"/tmp/|/cc[A-Za-z0-9]{6}|conftest|conf\w{6,}|subs\w{6}|sed\w{6}|\.[A-Za-z0-9]{6}$|~$|confdefs")

OPENED = re.compile(r"^\d+ +(?:openat|open|openat2|creat)\(.*\) += \d+<(?P<path>/.*)>$")
EXECUTED = re.compile(r'^\d+ +execve(?:at)?\("(?P<path>[^"]+)", .*\) += 0$')


class Completeness(boxed.Case):
    def opened_outside(self, script):
        """Regular files that a native run opens or executes, by their canonical names."""
        trace = self.top / "trace"
        done = self.run_outside("strace", "-f", "-y", "-s", "4096", "-e", "trace=open,openat,openat2,creat,execve,execveat",
                                "-e", "signal=none", "-o", trace, "sh", "-c", script, timeout=900)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        found = {}
        # strace splits what another thread interrupts; put it together again.
        unfinished = {}
        for line in trace.read_text(errors="surrogateescape").splitlines():
            pid = line.split(" ", 1)[0]
            if line.endswith("<unfinished ...>"):
                unfinished[pid] = line.removesuffix("<unfinished ...>")
                continue
            if " resumed>" in line and pid in unfinished:
                line = unfinished.pop(pid) + line.split(" resumed>", 1)[1]
            match = OPENED.match(line) or EXECUTED.match(line)
            if not match:
                continue
            path = os.path.realpath(self.dir / match["path"])
            if SCRATCH.search(path.removeprefix(str(self.dir))):
                continue
            try:
                if stat.S_ISREG(os.lstat(path).st_mode):
                    found[path] = "exec" if EXECUTED.match(line) else found.get(path, "open")
            except FileNotFoundError:
                continue  # gone in the end
        return {path: kind for path, kind in found.items() if not path.startswith(("/proc/", "/sys/", "/dev/"))}

    def check(self, script, prepare, at_least):
        prepare()
        outside = self.opened_outside(script)
        self.assertGreater(len(outside), at_least, "a poor test")
        shutil.rmtree(self.dir)
        self.dir.mkdir()
        prepare()
        ended = self.run_box("sh", "-c", script, timeout=900)
        self.assertEnded(ended)
        logged, executed = set(), set()
        for event in ended.events:
            if event["op"] in ("open", "exec", "create", "rename", "link") and "errno" not in event:
                logged |= {event["path"], event.get("to")}
                if event["op"] == "exec":
                    executed.add(event["path"])
        print(f"{len(outside)} files, {len(ended.events)} events")
        self.assertEqual(sorted(set(outside) - logged), [], "missing from the log")
        programs = {path for path, kind in outside.items() if kind == "exec"}
        self.assertEqual(sorted(programs - executed), [], "executed, and not logged as that")
        return ended

    @boxed.needs("strace", "make", "gcc")
    def test_nothing_that_a_build_opens_is_missing_from_the_log(self):
        def prepare():
            self.write("work/Makefile", """
CFLAGS = -O2 -Iinclude -MMD
objects = $(patsubst src/%.c,obj/%.o,$(wildcard src/*.c))
all: program version.txt run
program: $(objects) libextra.a
	$(CC) -o $@ $^ -lm
obj/%.o: src/%.c include/generated.h
	@mkdir -p obj
	$(CC) $(CFLAGS) -c -o $@ $<
libextra.a: extra/extra.o
	$(AR) rcs $@ $^
extra/extra.o: extra/extra.c
include/generated.h: tools/generate.sh data/*.txt
	sh tools/generate.sh data/*.txt > $@.new && mv $@.new $@
version.txt: VERSION
	sed 's/^/version /' $< | tr a-z A-Z > $@
run: program
	./program < data/a.txt > out.txt && cmp -s out.txt data/expected && install -m 755 program installed
-include obj/*.d
""")
            self.write("work/VERSION", "1.0\n")
            self.write("work/tools/generate.sh", "for f; do echo \"#define SIZE_$(basename $f .txt) $(wc -c < $f)\"; done\n")
            self.write("work/data/a.txt", "hello\n")
            self.write("work/data/b.txt", "longer text\n")
            self.write("work/data/expected", "6 12 hello\n")
            self.write("work/include/own.h", "int extra(int);\n#include <math.h>\n")
            self.write("work/extra/extra.c", "int extra(int n) { return n; }\n")
            self.write("work/src/main.c", '#include <stdio.h>\n#include "own.h"\n#include "generated.h"\n'
                                          'int main(void) { char s[80]; if (!fgets(s, 80, stdin)) return 1;\n'
                                          'printf("%d %d %s", extra(SIZE_a), (int)floor(SIZE_b), s); return 0; }\n')
            for number in range(10):
                self.write(f"work/src/part{number}.c", f'#include "own.h"\nint part{number}(void) {{ return {number}; }}\n')

        ended = self.check("make -j2", prepare, 60)
        for name in ("program", "libextra.a", "version.txt", "out.txt", "installed"):
            self.assertTrue((self.dir / name).exists(), ended)

    @boxed.needs("strace", "python3")
    def test_nothing_that_a_script_opens_is_missing_from_the_log(self):
        def prepare():
            self.write("work/package/__init__.py", "from . import other\n")
            self.write("work/package/other.py", "import json, sqlite3, ctypes\n")
            self.write("work/main", "#!/usr/bin/env python3\nimport package, mmap, os\n"
                                    "fd = os.open('data', os.O_RDWR)\nmmap.mmap(fd, 4)[0:1] = b'x'\n"
                                    "d = os.open('folder', os.O_RDONLY)\nos.close(os.open('inner', os.O_RDONLY, dir_fd=d))\n"
                                    "os.rename('data', 'moved')\nopen('moved').close()\n", mode=0o755)
            self.write("work/data", "text")
            self.write("work/folder/inner", "text")

        self.check("./main", prepare, 30)

    @boxed.needs("strace", "make", "gcc")
    def test_nothing_that_the_build_of_gnu_hello_opens_is_missing_from_the_log(self):
        if not (HELLO / "configure").exists():
            self.skipTest(f"no source of GNU hello in {HELLO} (make bench, or bench/get_hello build/bench, fetches it)")

        def prepare():
            shutil.copytree(HELLO, self.dir, dirs_exist_ok=True, symlinks=True)

        ended = self.check("./configure > /dev/null && make -j2 > /dev/null && ./hello", prepare, 300)
        self.assertEqual(ended.out, "Hello, world!\n")


if __name__ == "__main__":
    boxed.main()

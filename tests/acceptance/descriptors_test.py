"""A large tree needs no large number of descriptors: the supervisor may have 256."""

import os
import resource
import stat

import boxed


def only_256_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


def make_files(top, folders, files_each, text=b""):
    for folder in range(folders):
        path = top / f"d{folder:04}"
        path.mkdir()
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        for number in range(files_each):
            if text:
                (path / f"f{number:04}").write_bytes(text)
            else:
                os.mknod(f"f{number:04}", stat.S_IFREG | 0o644, dir_fd=fd)
        os.close(fd)


class Descriptors(boxed.Case):
    def test_find_over_200000_files_works_with_256_descriptors(self):
        make_files(self.dir, 200, 1000)
        ended = self.run_box("sh", "-c", "find . -type f | wc -l; find . -newermt 2000-01-01 -type f -size 0 | wc -l",
                             options=("--audit", "violations"), preexec_fn=only_256_descriptors, timeout=600)
        self.assertEnded(ended)
        self.assertEqual(ended.out.split(), ["200000", "200000"], ended.err[-2000:])

    def test_grep_over_20000_files_works_with_256_descriptors(self):
        make_files(self.dir, 100, 200, b"a line with a needle in it\n")
        ended = self.run_box("sh", "-c", "grep -r needle . | wc -l", preexec_fn=only_256_descriptors, timeout=600)
        self.assertEnded(ended)
        self.assertEqual(ended.out.split(), ["20000"], ended.err[-2000:])
        read = {event["path"] for event in ended.events if event["op"] == "open" and event["path"].startswith(str(self.dir))}
        self.assertEqual(len(read), 20000)

    def test_more_open_files_than_descriptors_are_an_error_and_no_end(self):
        make_files(self.dir, 1, 400, b"text")
        script = r"""
import os, sys
held, failed = [], 0
for name in sorted(os.listdir("d0000"))[int(sys.argv[1])::3]:
    try: held.append(open("d0000/" + name, "r+"))
    except OSError: failed += 1
print("failed" if failed else "all", flush=True)
sys.stdin.readline()
for file in held: assert file.read() == "text"
"""
        # Three processes that hold more files than their one supervisor may.
        shell = """
            for i in 0 1 2; do mkfifo /tmp/in$i; python3 -c "$0" $i < /tmp/in$i & done
            exec 5> /tmp/in0 6> /tmp/in1 7> /tmp/in2; sleep 2; exec 5>&- 6>&- 7>&-; wait; cat d0000/f0399; echo"""
        ended = self.run_box("sh", "-c", shell, script, preexec_fn=only_256_descriptors)
        self.assertEnded(ended)
        said = ended.out.split()
        self.assertIn("failed", said[:-1], "a poor test")
        self.assertEqual((len(said), said[-1]), (4, "text"), ended)


if __name__ == "__main__":
    boxed.main()

"""What a file is inside of a box is what it is outside: same files are the same, different ones differ."""

import json
import os
import sys

import boxed

# Prints, for each name below the given tops: device and inode by stat, inode by the listing.  Ends after a while on
# trees that are large; each run walks in the same order, so two runs can be compared.
WALK = r"""
import json, os, stat, sys, time
limit, seconds, *tops = int(sys.argv[1]), float(sys.argv[2]), *sys.argv[3:]
skipped = {"/proc", "/sys", "/dev", "/tmp", "/run"}
end = time.monotonic() + seconds
found = {}
def walk(top):
    try:
        entries = sorted(os.scandir(top), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.path in skipped or len(found) >= limit or time.monotonic() > end:
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        mounted = os.path.ismount(entry.path)
        found[entry.path] = [status.st_dev, status.st_ino, entry.inode() if not mounted else status.st_ino,
                             stat.S_IFMT(status.st_mode), status.st_nlink, status.st_size]
        if stat.S_ISDIR(status.st_mode):
            walk(entry.path)
for top in tops:
    walk(top)
json.dump(found, sys.stdout)
"""


class Identity(boxed.Case):
    def walk_inside(self, *tops, limit=100_000, seconds=60, options=(), before=None):
        """`before` is a shell command that prepares mounts in a namespace of the supervisor's own."""
        prefix = ("unshare", "-m", "--propagation", "private", "sh", "-ec", f'{before}\nexec "$@"', "sh") if before else ()
        ended = self.run_box("python3", "-c", WALK, limit, seconds, *tops, options=options, prefix=prefix)
        self.assertEnded(ended)
        return json.loads(ended.out)

    def walk_outside(self, *tops, limit=100_000, seconds=60, before="true"):
        done = self.run_outside("unshare", "-m", "--propagation", "private", "sh", "-ec", f'{before}\nexec "$@"', "sh",
                                "python3", "-c", WALK, limit, seconds, *tops)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def assertSameIdentities(self, inside, outside):
        """Names that are one file outside are one inside, and names of two files are two."""
        common = inside.keys() & outside.keys()
        to_inside, to_outside = {}, {}
        for name in sorted(common):
            there, here = tuple(outside[name][:2]), tuple(inside[name][:2])
            self.assertEqual(to_inside.setdefault(there, here), here, f"{name}: one file became two")
            self.assertEqual(to_outside.setdefault(here, there), there, f"{name}: two files became one")
            self.assertEqual(inside[name][3], outside[name][3], f"{name}: another type")
        for name, (_, inode, listed, *_) in inside.items():
            self.assertEqual(inode, listed, f"{name}: the listing and stat disagree")

    def test_files_of_two_file_systems_never_share_a_number(self):
        # Two file systems of memory number their files alike.
        before = f"""
            mkdir -p {self.dir}/one {self.dir}/two {self.dir}/bound {self.dir}/origin/deep
            mount -t tmpfs none {self.dir}/one
            mount -t tmpfs none {self.dir}/two
            for i in $(seq 50); do echo $i > {self.dir}/one/f$i; echo $i > {self.dir}/two/f$i; done
            mkdir {self.dir}/one/sub; mount -t tmpfs none {self.dir}/one/sub; echo x > {self.dir}/one/sub/f
            echo x > {self.dir}/origin/deep/file; ln {self.dir}/origin/deep/file {self.dir}/origin/link
            mount --bind {self.dir}/origin {self.dir}/bound"""
        outside = self.walk_outside(self.dir, before=before)
        clashes = {}
        for name, entry in outside.items():
            clashes.setdefault(entry[1], set()).add(entry[0])
        self.assertTrue(any(len(devices) > 1 for devices in clashes.values()), "nothing that could clash: a poor test")
        inside = self.walk_inside(self.dir, before=before.replace("mkdir", "mkdir -p").replace("ln ", "ln -f "))
        self.assertEqual(inside.keys(), outside.keys())
        self.assertSameIdentities(inside, outside)
        # A bind mount shows the same files.
        self.assertEqual(inside[f"{self.dir}/bound/link"][:2], inside[f"{self.dir}/origin/deep/file"][:2])

    def test_tools_tell_files_of_two_file_systems_apart(self):
        before = f"""
            mkdir -p {self.dir}/one {self.dir}/two
            mount -t tmpfs none {self.dir}/one; mount -t tmpfs none {self.dir}/two
            for i in 1 2 3 4; do echo one$i > {self.dir}/one/f$i; echo two$i > {self.dir}/two/f$i; done"""
        script = """
            find . -samefile one/f1
            tar cf t.tar one two && tar tvf t.tar | grep -c 'link to' || true
            cp -a one/f1 one/f2 two/f1 two/f2 -t /tmp --parents 2>/dev/null || true
            diff -r one two > /dev/null || echo differ"""
        ended = self.run_box("bash", "-c", script,
                             prefix=("unshare", "-m", "--propagation", "private", "sh", "-ec", f'{before}\nexec "$@"', "sh"))
        self.assertEqual(ended.out, "./one/f1\n0\ndiffer\n", ended)

    def test_hard_links_outside_are_hard_links_inside(self):
        self.write("work/a/first")
        os.mkdir(self.dir / "b")
        os.link(self.dir / "a/first", self.dir / "b/second")
        self.write("work/b/other")
        ended = self.run_box("sh", "-c", "find . -samefile a/first | sort; stat -c %h a/first; "
                                         "rm a/first; echo more >> b/second; stat -c %h b/second; ln b/second c; stat -c %h c")
        self.assertEqual(ended.out, "./a/first\n./b/second\n2\n1\n2\n", ended)
        self.assertEqual((self.dir / "c").read_text(), "text\nmore\n")
        self.assertTrue(os.path.samefile(self.dir / "c", self.dir / "b/second"))

    def test_numbers_stay_while_files_are_looked_at_again(self):
        for number in range(300):
            self.write(f"work/f{number}")
        script = "ls -i > /tmp/one; find / -xdev -maxdepth 3 > /dev/null 2>&1; ls -i > /tmp/two; cmp /tmp/one /tmp/two"
        self.assertEnded(self.run_box("sh", "-c", script))

    def test_a_number_used_again_is_another_file(self):
        # ext4 hands the number of a removed file to the next one at once.
        script = r"""
import os
kept = []
for i in range(200):
    with open("f", "w") as file:
        file.write(str(i))
        kept.append(os.open("f", os.O_RDONLY))
    os.unlink("f")
    if i % 2: os.close(kept.pop(0))
for fd in kept:
    assert os.fstat(fd).st_nlink == 0
texts = [int(os.pread(fd, 10, 0)) for fd in kept]
assert texts == list(range(100, 200)), texts
"""
        self.assertEnded(self.run_box("python3", "-c", script))

    def test_mount_points_show_their_own_size(self):
        before = f"mkdir -p {self.dir}/small; mount -t tmpfs -o size=1m none {self.dir}/small"
        script = f"df -k --output=size {self.dir}/small | tail -1; df -k --output=size {self.dir} | tail -1"
        prefix = ("unshare", "-m", "--propagation", "private", "sh", "-ec", f'{before}\nexec "$@"', "sh")
        inside = self.run_box("sh", "-c", script, prefix=prefix).out.split()
        outside = self.run_outside(*prefix, "sh", "-c", script).stdout.split()
        self.assertEqual(inside, outside)
        self.assertEqual(inside[0], "1024")

    def test_a_rename_to_another_file_system_is_exdev(self):
        before = f"mkdir -p {self.dir}/other; mount -t tmpfs none {self.dir}/other; touch {self.dir}/file"
        script = "import os, errno\ntry: os.rename('file', 'other/file')\nexcept OSError as e: print(errno.errorcode[e.errno])"
        script += "\ntry: os.link('file', 'other/file')\nexcept OSError as e: print(errno.errorcode[e.errno])"
        prefix = ("unshare", "-m", "--propagation", "private", "sh", "-ec", f'{before}\nexec "$@"', "sh")
        ended = self.run_box("sh", "-c", f'python3 -c "{script}" && mv file other/', prefix=prefix)
        self.assertEqual(ended.out, "EXDEV\nEXDEV\n", ended)

    def test_the_root_is_the_root(self):
        ended = self.run_box("sh", "-c", "realpath .; df . --output=target | tail -1; cd /..; pwd; stat -c %i / /..|uniq|wc -l")
        self.assertEqual(ended.out.split(), [str(self.dir), "/", "/", "1"], ended)

    def test_all_of_the_machine_is_itself(self):
        limit, seconds = 150_000, 150
        inside = self.walk_inside("/", limit=limit, seconds=seconds, options=("--audit", "violations"))
        outside = self.walk_outside("/", limit=limit, seconds=seconds)
        common = len(inside.keys() & outside.keys())
        print(f"{common} names compared")
        self.assertGreater(common, min(10_000, len(outside) // 2))
        # What the machine changed meanwhile is no fault of ours: ask again, once.
        again = self.walk_outside("/", limit=limit, seconds=seconds)
        stable = {name: entry for name, entry in outside.items() if again.get(name, entry)[:2] == entry[:2]}
        self.assertSameIdentities(inside, stable)


if __name__ == "__main__":
    boxed.main()

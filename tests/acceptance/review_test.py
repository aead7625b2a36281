"""Keep, review, drop: what a box has changed, as `fusebox boxes`, `diff`, `apply`, `discard` and `export` tell and do it."""

import base64
import fcntl
import json
import os
import shutil
import socket
import stat
import subprocess
import tarfile

import boxed
from boxes import BOXES, BoxCase, tree_of

# Most of what can happen to a tree, on the host's side and then in the box.
HOST = """
echo one > one; echo two > two; echo three > three; echo same > same
mkdir -p gone/deep/deeper replaced kept old/deep; touch gone/a gone/deep/b gone/deep/deeper/c
echo x > replaced/x; echo y > replaced/y; echo kept > kept/file; echo in > old/in; echo deep > old/deep/file
ln -s one link; mkfifo pipe; ln three three-too
echo was file > file-to-dir; mkdir dir-to-file; echo below > dir-to-file/below; echo was file > file-to-link
setfattr -n user.colour -v red two; chmod 640 two; echo owned > owned; echo timed > timed
"""
BOX = """
echo more >> one; chmod 700 one; chown 1234:5678 owned; touch -d '2001-02-03 04:05:06.123456789' timed
setfattr -n user.colour -v blue two; setfacl -m u:1000:r two
cat same > /dev/null; echo same > same2 && mv same2 same && touch -r "$TOP/same" same
rm -rf gone; rm -rf replaced; mkdir replaced; echo new y > replaced/y; echo z > replaced/z; chmod 750 replaced
mv old new; echo changed > new/in; echo added > new/added
rm file-to-dir; mkdir file-to-dir; echo f > file-to-dir/f; rm -rf dir-to-file; echo d > dir-to-file
rm file-to-link; ln -s nowhere file-to-link; rm link; ln -s two link
mkdir -p added/sub; echo a > added/a; ln added/a added/sub/hard; ln added/a hard; mkfifo -m 600 added/fifo
mknod added/null c 1 3; cp /bin/true added/suid; chmod 4755 added/suid; truncate -s 100M added/sparse
echo tail >> added/sparse; chmod 2775 added/sub; echo $'odd' > $'added/new\\nline'; echo odd > $'added/\\xff'
chmod 711 kept; touch -d '2005-06-07 08:09:10.5' added/sub added
"""


class Diff(BoxCase):
    def test_diff_names_exactly_what_differs(self):
        self.make_host(HOST)
        self.change(BOX)
        lines = self.diff()
        for line in ("added     ./added/", "added     ./added/new\\x0aline", "added     ./added/\\xff",
                     "added     ./added/null  [CHARACTER DEVICE 1:3]", "added     ./added/suid  [SET-USER-ID OF ROOT]",
                     "replaced  ./dir-to-file  (directory and 1 below -> file)",
                     "replaced  ./file-to-dir/  (file -> directory)",
                     "replaced  ./file-to-link -> nowhere  (file -> symlink)", "removed   ./gone/  (5 below)",
                     "changed   ./kept/  (mode 755 -> 711)", "changed   ./link -> two  (content, times)",
                     "renamed   ./old/ -> ./new/", "changed   ./new/in  (content, times)", "added     ./new/added",
                     "changed   ./one  (content, mode 644 -> 700, times)", "changed   ./owned  (owner 0:0 -> 1234:5678)",
                     "changed   ./replaced/  (mode 755 -> 750)", "removed   ./replaced/x", "added     ./replaced/z",
                     "changed   ./replaced/y  (content, times)", "changed   ./timed  (times)"):
            self.assertIn(line, lines)
        self.assertEqual(len(lines), 29, "\n".join(lines))
        self.assertNotIn("same", " ".join(lines))

    def test_a_name_below_limits_what_is_shown(self):
        self.make_host(HOST)
        self.change(BOX)
        self.assertEqual([line.split()[1] for line in self.diff(self.host / "replaced")],
                         ["./replaced/", "./replaced/x", "./replaced/y", "./replaced/z"])
        done = self.fusebox("diff", self.box, "replaced/../replaced/x", cwd=self.host)
        self.assertEqual(done.stdout, f"removed   {self.host}/replaced/x\n")

    def test_text_shows_the_lines_that_changed(self):
        self.make_host("printf 'a\\nb\\n' > text; printf 'a\\0b' > binary; echo gone > gone")
        self.change("printf 'a\\nc\\n' > text; printf 'a\\0c' > binary; rm gone; echo new > added; chmod 600 text")
        text = "\n".join(self.diff("--text"))
        self.assertIn("--- host./text\n+++ box./text\n@@ -1,2 +1,2 @@\n a\n-b\n+c", text)
        self.assertRegex(text, r"Binary files host\S+binary and box\S+binary differ")
        self.assertIn("+++ /dev/null\n@@ -1 +0,0 @@\n-gone", text)
        self.assertIn("--- /dev/null", text)
        self.assertIn("changed   ./text  (content, mode 644 -> 600, times)", text)

    def test_json_says_all_of_it(self):
        self.make_host(HOST)
        self.change(BOX)
        changes = {change["path"]: change for change in json.loads(self.fusebox("diff", self.box, "--json").stdout)}
        found = changes[f"{self.host}/one"]
        self.assertEqual((found["change"], found["what"]), ("changed", ["content", "mode", "times"]))
        self.assertEqual((found["host"]["mode"], found["box"]["mode"]), ("0644", "0700"))
        self.assertEqual(changes[f"{self.host}/new"]["from"], f"{self.host}/old")
        odd = next(change for change in changes.values() if "path_b64" in change)
        self.assertEqual(odd["path_b64"], base64.b64encode(f"{self.host}/added/".encode() + b"\xff").decode())
        self.assertEqual(changes[f"{self.host}/added/suid"]["warnings"], ["SET-USER-ID OF ROOT"])

    def test_boxes_are_listed_with_what_they_hold(self):
        self.make_host("echo a > a")
        self.change("echo b > a; echo c > c")
        entry = next(box for box in json.loads(self.fusebox("boxes", "--json").stdout) if box["name"] == self.box)
        self.assertEqual((entry["changes"], entry["in_use"], entry["command"]), (2, False, ["make", "install"]))
        self.assertGreater(entry["bytes"], 8000)
        with open(self.box_dir / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            line = next(line for line in self.fusebox("boxes").stdout.splitlines() if line.startswith(self.box))
        self.assertTrue(line.endswith("2  in use"), line)

    def test_what_is_no_box_is_one_line(self):
        for name in ("no-such-box", "../etc", ".hidden", "a/b", ""):
            for command in (["diff"], ["apply"], ["discard"]):
                done = self.fusebox(*command, name)
                self.assertNotEqual(done.returncode, 0)
                self.assertOneLine(done.stderr)

    def test_a_copy_without_its_data_is_refused(self):
        self.make_host("echo a > a")
        self.change("chmod 600 a", options="redirect_dir=on,index=on,metacopy=on")
        done = self.fusebox("diff", self.box)
        self.assertEnded(done, 125)
        self.assertOneLine(done.stderr, "metacopy")

    def test_marks_of_a_box_made_without_root_are_read(self):
        self.make_host("mkdir opaque marked; touch opaque/gone opaque/kept marked/gone marked/stays")
        self.make_box("user")
        for folder in ("opaque", "marked"):
            (self.upper_host / folder).mkdir(parents=True)
        self.copy_attributes_of_folders()
        os.setxattr(self.upper_host / "opaque", "user.overlay.opaque", b"y")
        (self.upper_host / "opaque/kept").touch()
        os.setxattr(self.upper_host / "marked", "user.overlay.opaque", b"x")
        (self.upper_host / "marked/gone").touch()
        os.setxattr(self.upper_host / "marked/gone", "user.overlay.whiteout", b"y")
        lines = self.diff()
        self.assertEqual([line for line in lines if line.startswith("removed")],
                         ["removed   ./marked/gone", "removed   ./opaque/gone"])


class Apply(BoxCase):
    def test_apply_makes_the_host_equal_to_the_box(self):
        self.make_host(HOST)
        inode = os.stat(self.host / "old").st_ino
        expected = self.change(BOX)
        self.assertApplied(expected, "--device-nodes")
        self.assertEqual(os.stat(self.host / "new").st_ino, inode, "the renamed directory is another one now")
        self.assertLess(os.stat(self.host / "added/sparse").st_blocks * 512, 1 << 20)
        self.assertFalse(list(self.host.rglob(".fusebox-*")))

    def test_what_was_applied_is_told_as_diff_tells_it(self):
        self.make_host(HOST)
        self.change(BOX)
        before = self.diff()
        done = self.apply("--device-nodes", "--dry-run")
        self.assertEqual(done.stdout.replace(f"{self.host}/", "./").splitlines(), before)
        self.assertEqual(self.diff(), before)
        self.assertEqual(self.apply("--device-nodes").stdout.replace(f"{self.host}/", "./").splitlines(), before)

    def test_chosen_paths_are_applied_and_the_others_stay(self):
        self.make_host(HOST)
        expected = self.change(BOX)
        self.apply(self.host / "added/sub", self.host / "gone")
        self.assertTrue((self.host / "added/sub/hard").exists())
        self.assertFalse((self.host / "added/a").exists())
        self.assertFalse((self.host / "gone").exists())
        self.assertEqual((self.host / "one").read_text(), "one\n")
        self.assertEqual(self.diff(self.host / "gone"), [])
        self.apply("--device-nodes")
        found = tree_of(self.host)
        # Applied apart, two names of a file are two files.
        for tree in (found, expected):
            for name in ("added/a", "added/sub/hard", "hard"):
                tree[name].pop("same file as")
        self.assertSameTree(found, expected)

    def test_a_device_node_is_made_on_request_alone(self):
        self.make_host("mknod -m 600 node c 1 3")
        expected = self.change("mkdir added; mknod added/null c 1 3; mknod added/disk b 8 0; echo a > added/a; chmod 666 node")
        for arguments in ((), ("--force",), (self.host / "added",), ("--dry-run",)):
            done = self.apply(*arguments, status=1)
            self.assertOneLine(done.stderr, "device node", "name its path")
            self.assertEqual(os.listdir(self.host), ["node"])
        self.apply(self.host / "added/null")
        self.assertEqual(os.listdir(self.host / "added"), ["null"])
        self.assertApplied(expected, "--device-nodes")

    def test_a_path_that_has_not_changed_is_refused(self):
        self.make_host("echo a > a; echo b > b")
        self.change("echo c > a")
        done = self.apply(self.host / "b", status=125)
        self.assertOneLine(done.stderr, "changed nothing")
        self.assertEqual((self.host / "a").read_text(), "a\n")

    def test_a_box_in_use_is_left_alone(self):
        self.make_host("echo a > a")
        self.change("echo b > a")
        with open(self.box_dir / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for command in (["apply", self.box], ["discard", self.box], ["export", self.box, self.top / "x.tar"]):
                done = self.fusebox(*command)
                self.assertEnded(done, 125)
                self.assertOneLine(done.stderr, "in use")
        self.assertEqual((self.host / "a").read_text(), "a\n")

    def test_the_hosts_own_changes_are_not_overwritten(self):
        for what, script in {
            "content": "echo hosts > a",
            "another file": "echo hosts > new; mv new a",
            "mode": "chmod 600 a",
            "new where the box adds": "echo hosts > added",
            "new below what the box removes": "echo hosts > gone/new",
            "changed below what the box removes": "echo hosts > gone/file",
        }.items():
            with self.subTest(what):
                self.make_host("rm -rf ./*; mkdir gone; echo a > a; echo f > gone/file; echo other > other")
                shutil.rmtree(self.box_dir, ignore_errors=True)
                expected = self.change("echo box > a; echo box > added; rm -rf gone; echo box > other")
                self.make_host(script)
                done = self.apply(status=1)
                self.assertIn("box:", done.stderr)
                self.assertIn("host:", done.stderr)
                self.assertIn("nothing was applied", done.stderr.splitlines()[-1])
                self.assertEqual((self.host / "other").read_text(), "other\n", "something was applied")
                self.assertIn("[changed on the host since", "".join(self.diff()))
                self.apply(self.host / "other")
                self.assertEqual((self.host / "other").read_text(), "box\n")
                self.assertApplied(expected, "--force")

    def test_the_store_says_what_a_copy_was_taken_from(self):
        self.make_host("echo a > a; echo b > b; echo c > c; echo d > d")
        self.change("echo box > a; echo box > b; echo box > c; mv d e; echo box > e")
        for name, path in (("a", "a"), ("b", "b"), ("c", "c"), ("d", "e")):
            status = os.stat(self.host / name)
            origin = (f"{status.st_dev}:{status.st_ino}:{status.st_size}:{self.moment(status.st_mtime_ns)}:"
                      f"{self.moment(status.st_ctime_ns)}:{status.st_mode:o}:0:0:{self.host}/{name}")
            os.setxattr(self.upper_host / path, "trusted.fusebox.origin", origin.encode())
        self.make_host("rm a; echo hosts > b")
        lines = self.diff()
        self.assertIn("added     ./a  [removed on the host since]", lines)
        self.assertIn("changed   ./b  (content, times)  [changed on the host since]", lines)
        self.assertIn("changed   ./c  (content, times)", lines)
        self.assertIn("added     ./e", lines)
        self.apply(self.host / "c", self.host / "d", self.host / "e")
        self.assertEqual((self.host / "e").read_text(), "box\n")

    @staticmethod
    def moment(nanoseconds):
        return f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09}"

    def test_renames_that_depend_on_one_another_are_made(self):
        self.make_host("mkdir -p a/sub b c/d e; echo a > a/a; echo s > a/sub/s; echo b > b/b; echo d > c/d/d; echo e > e/e;"
                       "mkdir -p over under; echo o > over/o; echo u > under/u; ln a/a a/twin")
        cases = {
            "swap": "mv a t; mv b a; mv t b",
            "into itself": "mv a t; mkdir a; mv t a/inner",
            "out of one that moves": "mv a/sub x; mv a y",
            "into a new one": "mkdir -p n/m; mv a n/m/a; echo more > n/m/a/more",
            "over one that is gone": "rm -rf over; mv under over; echo n > over/n",
            "twice": "mv a a2; mv a2 a3; rm a3/a; mv c/d c/d2; mv c c2",
            "and removed below": "mv a z; rm -rf z/sub; mv b z/b",
            "a chain": "mv a t; mv b a; mv c b; mv t c",
        }
        for what, script in cases.items():
            with self.subTest(what):
                self.make_host("rm -rf ./*; mkdir -p a/sub b c/d e; echo a > a/a; echo s > a/sub/s; echo b > b/b;"
                               "echo d > c/d/d; echo e > e/e; mkdir -p over under; echo o > over/o; echo u > under/u; ln a/a a/twin")
                shutil.rmtree(self.box_dir, ignore_errors=True)
                expected = self.change(script)
                with self.mounted() as inside:
                    self.assertSameTree(tree_of(inside), expected)
                self.assertApplied(expected)

    def test_half_of_a_rename_can_be_chosen(self):
        for half in ("old", "new", "new/in"):
            with self.subTest(half):
                self.make_host("rm -rf ./*; mkdir -p old/deep; echo in > old/in; echo f > old/deep/f; echo x > old/x")
                shutil.rmtree(self.box_dir, ignore_errors=True)
                expected = self.change("mv old new; echo changed > new/in; rm new/x")
                self.apply(self.host / half)
                self.assertEqual((self.host / "old").exists(), half != "old")
                self.assertEqual((self.host / "new").exists(), half != "old")
                with self.mounted() as inside:
                    self.assertSameTree(tree_of(inside, folder_times=False),
                                        {name: {k: v for k, v in entry.items()
                                                if k != "mtime" or not entry["mode"].startswith("0o4")}
                                         for name, entry in expected.items()})
                self.apply()
                self.assertSameTree(tree_of(self.host, folder_times=False),
                                    {name: {k: v for k, v in entry.items()
                                            if k != "mtime" or not entry["mode"].startswith("0o4")}
                                     for name, entry in expected.items()})

    def test_a_symlink_where_a_directory_was_leads_nowhere(self):
        self.make_host("mkdir dir; echo f > dir/f")
        self.make_box()
        self.upper_host.mkdir(parents=True)
        (self.outside / "victim").write_text("safe\n")
        (self.upper_host / "dir").symlink_to(self.outside)
        planted = self.upper_host / "planted"
        planted.symlink_to("/etc")
        self.copy_attributes_of_folders()
        lines = self.diff()
        self.assertIn(f"replaced  ./dir -> {self.outside}  (directory and 1 below -> symlink)", lines)
        # And one on the host, where the box has a directory.
        planted.unlink()
        planted.mkdir()
        (planted / "victim").write_text("hostile\n")
        (self.host / "planted").symlink_to(self.outside)
        self.assertIn("replaced  ./planted/  (symlink -> directory)", "\n".join(self.diff()))
        self.apply("--force")
        self.assertEqual((self.outside / "victim").read_text(), "safe\n")
        self.assertEqual((self.host / "planted/victim").read_text(), "hostile\n")
        self.assertEqual(os.readlink(self.host / "dir"), str(self.outside))

    def test_bad_redirects_are_refused(self):
        for redirect in (b"/../../etc", b"..", b"/a/./b", b"a/b", b"", b"/", b"//x", b"/a/"):
            with self.subTest(redirect):
                shutil.rmtree(self.box_dir, ignore_errors=True)
                self.make_box()
                (self.upper_host / "d").mkdir(parents=True)
                os.setxattr(self.upper_host / "d", "trusted.overlay.redirect", redirect)
                for command in (("diff", self.box), ("apply", self.box), ("export", self.box, self.top / "x.tar")):
                    done = self.fusebox(*command)
                    self.assertEnded(done, 125)
                    self.assertOneLine(done.stderr, "redirect")

    def test_very_long_paths_are_applied_and_endless_ones_refused(self):
        self.make_host("true")
        self.make_box()
        self.upper_host.mkdir(parents=True)
        self.copy_attributes_of_folders()
        self.grow(self.upper_host, 30)  # 30 names of 200 bytes: beyond PATH_MAX
        self.apply()
        self.assertEqual(self.depth_of(self.host), 30)
        self.upper_host.mkdir(parents=True, exist_ok=True)
        self.grow(self.upper_host, 100)
        done = self.apply(status=125)
        self.assertOneLine(done.stderr, "File name too long")
        self.assertEnded(self.fusebox("discard", self.box))
        self.assertFalse(self.box_dir.exists())
        subprocess.run(["rm", "-rf", self.host], check=True)

    def grow(self, top, count):
        directory = os.open(top, os.O_RDONLY)
        for _ in range(count):
            if "d" * 200 not in os.listdir(directory):
                os.mkdir("d" * 200, dir_fd=directory)
            below = os.open("d" * 200, os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = below
        os.close(directory)

    def depth_of(self, top):
        directory = os.open(top, os.O_RDONLY)
        depth = 0
        while names := os.listdir(directory):
            below = os.open(names[0], os.O_RDONLY, dir_fd=directory)
            os.close(directory)
            directory = below
            depth += 1
        os.close(directory)
        return depth


class Discard(BoxCase):
    def test_a_discarded_box_leaves_nothing(self):
        self.make_host(HOST)
        before = tree_of(self.host)
        self.change(BOX)
        self.assertEnded(self.fusebox("discard", self.box))
        self.assertFalse([name for name in os.listdir(BOXES) if self.box in name])
        self.assertEqual(tree_of(self.host), before)

    def test_a_discarded_path_shows_the_hosts_file_again(self):
        self.make_host(HOST)
        self.change(BOX)
        for path in ("one", "gone", "replaced/x", "new", "dir-to-file", "added/sub", "replaced/y"):
            with self.subTest(path):
                self.assertEnded(self.fusebox("discard", self.box, self.host / path))
                self.assertEqual(self.diff(self.host / path), [])
        with self.mounted() as inside:
            self.assertEqual((inside / "one").read_text(), "one\n")
            self.assertTrue((inside / "gone/deep/deeper/c").exists())
            self.assertEqual((inside / "replaced/x").read_text(), "x\n")
            self.assertEqual((inside / "replaced/y").read_text(), "y\n")
            self.assertEqual((inside / "replaced/z").read_text(), "z\n")
            self.assertEqual((inside / "old/in").read_text(), "in\n")
            self.assertFalse((inside / "new").exists())
            self.assertEqual((inside / "dir-to-file/below").read_text(), "below\n")


class Export(BoxCase):
    def export(self):
        path = self.top / "layer.tar"
        self.assertEnded(self.fusebox("export", self.box, path))
        return path

    def test_the_layer_holds_what_changed_and_marks_what_went(self):
        self.make_host(HOST)
        self.change(BOX)
        prefix = str(self.host.relative_to("/")) + "/"
        with tarfile.open(self.export()) as layer:
            members = {member.name.removeprefix(prefix): member for member in layer if member.name.startswith(prefix)}
            for name in (".wh.gone", ".wh.old", "replaced/.wh..wh..opq", "replaced/y", "new/.wh..wh..opq", "new/in",
                         "new/deep/file", "new/deep", "added/null", "one", "link", "added/new\nline", "added/\udcff"):
                self.assertIn(name, members)
            for name in ("same", "three", "old", "kept/file", "replaced/.wh.x"):
                self.assertNotIn(name, members)
            self.assertEqual(layer.extractfile(members["new/in"]).read(), b"changed\n")
            self.assertEqual(layer.extractfile(members["new/deep/file"]).read(), b"deep\n")
            self.assertEqual(members["timed"].pax_headers["mtime"], "981173106.123456789")
            self.assertEqual((members["owned"].uid, members["owned"].gid, members["owned"].uname), (1234, 5678, ""))
            self.assertEqual(members["two"].pax_headers["SCHILY.xattr.user.colour"], "blue")
            self.assertIn("SCHILY.xattr.system.posix_acl_access", members["two"].pax_headers)
            self.assertEqual(members["added/suid"].mode, 0o4755)
            self.assertEqual((members["added/null"].devmajor, members["added/null"].devminor), (1, 3))
            self.assertTrue(members["hard"].islnk() or members["added/a"].islnk())
            self.assertEqual(members["added/sparse"].size, 100 * 1024 * 1024 + 5)

    def test_the_same_box_gives_the_same_bytes(self):
        self.make_host(HOST)
        self.change(BOX)
        first = self.export().read_bytes()
        done = subprocess.run([boxed.BINARY, "export", self.box, "-"], capture_output=True, env=self.environment)
        self.assertTrue(done.stdout == first, f"{len(done.stdout)} bytes are not the {len(first)}")

    def test_tar_reads_it_without_a_word(self):
        self.make_host(HOST)
        self.change("echo one > new; setfattr -n user.a -v b new; touch -d '2001-02-03 04:05:06.5' new")
        (self.dir / "out").mkdir()
        done = self.run_outside("tar", "-xpf", self.export(), "-C", "out", "--xattrs", "--xattrs-include=*")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        found = tree_of(self.dir / "out" / self.host.relative_to("/"))
        self.assertEqual(found["new"], tree_of(self.upper_host)["new"])

    @boxed.needs("umoci")
    def test_umoci_takes_it_for_a_layer(self):
        self.make_host(HOST)
        expected = self.change(BOX.replace("mknod added/null c 1 3;", ""))
        # An image of the host's folder as it is, with the exported layer on top of it, unpacked.
        base = self.dir / "base.tar"
        subprocess.run(["tar", "-cf", base, "--xattrs", "--xattrs-include=*", "-C", "/", self.host.relative_to("/")], check=True)
        for arguments in (["init", "--layout", "image"], ["new", "--image", "image:it"],
                          ["raw", "add-layer", "--image", "image:it", base],
                          ["raw", "add-layer", "--image", "image:it", self.export()],
                          ["unpack", "--image", "image:it", "bundle"]):
            done = self.run_outside("umoci", *arguments)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        found = tree_of(self.dir / "bundle/rootfs" / self.host.relative_to("/"), folder_times=False)
        for name, entry in expected.items():
            for key in ("mode", "owner", "content", "target"):
                self.assertEqual(found[name].get(key), entry.get(key), name)
        self.assertEqual(sorted(found), sorted(expected))

    def test_a_layer_goes_into_what_is_no_file_and_does_not_take_its_place(self):
        self.make_host("true")
        self.make_box()
        with self.mounted() as inside:
            (inside / "made").write_text("made\n")
        layer = self.export().read_bytes()
        pipe = self.top / "pipe"
        os.mkfifo(pipe)
        with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
            self.assertEnded(self.fusebox("export", self.box, pipe))
            self.assertEqual(reader.communicate(timeout=boxed.PATIENCE)[0], layer)
        self.assertTrue(pipe.is_fifo())
        full = self.top / "full"
        os.mknod(full, 0o600 | stat.S_IFCHR, os.stat("/dev/full").st_rdev)
        done = self.fusebox("export", self.box, full)
        self.assertEnded(done, 125)
        self.assertOneLine(done.stderr, "No space left on device")
        self.assertTrue(full.is_char_device())

    def test_what_a_layer_cannot_hold_is_told(self):
        self.make_host("true")
        self.make_box()
        with self.mounted() as inside, socket.socket(socket.AF_UNIX) as listener:
            here = os.getcwd()
            os.chdir(inside)
            self.addCleanup(os.chdir, here)
            listener.bind("socket")
            os.chdir(here)
        done = self.fusebox("export", self.box, self.top / "layer.tar")
        self.assertEnded(done, 1)
        self.assertOneLine(done.stderr, "socket")
        with self.mounted() as inside:
            (inside / ".wh.file").touch()
        done = self.fusebox("export", self.box, self.top / "other.tar")
        self.assertEnded(done, 125)
        self.assertIn("means a removal", done.stderr)
        self.assertFalse((self.top / "other.tar").exists())


if __name__ == "__main__":
    boxed.main()

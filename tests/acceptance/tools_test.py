"""Tools do in a box what they do outside: the same script, run in the same folder, leaves the same tree."""

import os
import shutil

import boxed

C_PROJECT = {
    "CMakeLists.txt": """
        cmake_minimum_required(VERSION 3.20)
        project(small C)
        add_library(part STATIC part.c)
        add_executable(small main.c)
        target_link_libraries(small part)
        add_custom_command(OUTPUT made.h COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_SOURCE_DIR}/part.h made.h DEPENDS part.h)
        add_custom_target(headers ALL DEPENDS made.h)
        install(TARGETS small DESTINATION bin)
        """,
    "main.c": '#include <stdio.h>\n#include "part.h"\nint main(void) { printf("%d\\n", part(20)); return 0; }\n',
    "part.c": '#include "part.h"\nint part(int n) { return 2 * n + 2; }\n',
    "part.h": "int part(int n);\n",
}


class Tools(boxed.Case):
    def assertSame(self, script, prepare, times="", but=(), options=(), env=None):
        """`prepare` fills the working directory; `times` that count: none, those of "files", or of "all"; `but` are parts of
        names that do not count."""
        trees, results = [], []
        for boxed_run in (False, True):
            shutil.rmtree(self.dir)
            shutil.rmtree(self.home)
            self.dir.mkdir()
            self.home.mkdir()
            prepare()
            os.sync()
            command = ("bash", "-euo", "pipefail", "-c", script)
            if boxed_run:
                ended = self.run_box(*command, options=options, env=env)
                status, out, err = ended.status, ended.out, ended.err
            else:
                done = self.run_outside(*command, env=env)
                status, out, err = done.returncode, done.stdout, done.stderr
            self.assertEqual(status, 0, f"{'in the box' if boxed_run else 'outside'}:\n{out}\n{err[-3000:]}")
            tree = boxed.tree_of(self.dir, folder_times=times == "all")
            trees.append({name: self.without_times(entry, times) for name, entry in tree.items()
                          if not any(part in name for part in but)})
            results.append(out)
        self.assertEqual(results[0], results[1])
        native, inside = trees
        self.assertEqual(native.keys(), inside.keys())
        for name in native:
            self.assertEqual(native[name], inside[name], name)
        self.assertGreater(len(native), 2, "a poor test")
        return inside

    @staticmethod
    def without_times(entry, times):
        return entry if times else {key: value for key, value in entry.items() if key != "mtime"}

    def make_everything(self, top="work/tree"):
        """One of each kind of file that a tool could get wrong."""
        tree = self.top / top
        self.write(f"{top}/plain", "text\n", mode=0o644)
        self.write(f"{top}/private", "text\n", mode=0o600)
        self.write(f"{top}/program", "#!/bin/sh\necho ran\n", mode=0o755)
        self.write(f"{top}/set-id", "x", mode=0o4755)
        self.write(f"{top}/read-only", "x", mode=0o444)
        self.write(f"{top}/empty", "")
        self.write(f"{top}/folder/deep/er/file", "text\n")
        self.write(f"{top}/name with space", "x")
        self.write(f"{top}/{'n' * 255}", "x")
        with open(os.fsencode(tree) + b"/\xff\xfe\n", "w"):
            pass
        os.link(tree / "plain", tree / "folder/linked")
        os.link(tree / "plain", tree / "other")
        (tree / "symlink").symlink_to("folder/deep")
        (tree / "dangling").symlink_to("/no/such/file")
        os.mkfifo(tree / "pipe")
        with open(tree / "sparse", "wb") as file:
            file.seek(10_000_000)
            file.write(b"end")
        with open(tree / "large", "wb") as file:
            file.write(os.urandom(1) * 3_000_000)
        os.setxattr(tree / "plain", "user.note", b"with\0zero")
        os.setxattr(tree / "folder", "user.note", b"of a folder")
        os.chown(tree / "private", 1234, 4321)
        os.chown(tree / "symlink", 1234, 4321, follow_symlinks=False)
        os.chmod(tree / "folder/deep", 0o2775)
        (tree / "sticky").mkdir()
        os.chmod(tree / "sticky", 0o1777)
        for number, name in enumerate(("plain", "program", "folder/deep/er/file", "sticky")):
            os.utime(tree / name, ns=(1_000_000_000_123_456_789 + number, 1_000_000_000_987_654_321 + number))

    def test_tar_packs_and_unpacks_the_same(self):
        script = ("tar --xattrs --xattrs-include='*' -S --sort=name -cf a.tar tree && mkdir out && "
                  "tar --xattrs --xattrs-include='*' -S -xpf a.tar -C out && tar -tvf a.tar && rm a.tar && "
                  "diff -r --no-dereference tree/folder out/tree/folder")
        # What is not under our hand here: when the tree itself was made.
        tree = self.assertSame(script, self.make_everything, but=("large",))
        links = {tree[f"out/tree/{name}"]["same file as"] for name in ("other", "plain", "folder/linked")}
        self.assertEqual(len(links), 1)
        self.assertEqual(tree["out/tree/plain"]["xattrs"], {"user.note": b"with\0zero".hex()})
        self.assertLess(os.stat(self.dir / "out/tree/sparse").st_blocks, 100)

    def test_tar_unpacks_with_times(self):
        self.make_everything("source")
        archive = self.top / "a.tar"
        self.assertEqual(self.run_outside("tar", "-S", "-cf", archive, "-C", self.top, "source").returncode, 0)
        self.assertSame(f"tar -xpf {archive}; stat -c '%n %y' source source/plain source/folder/deep source/sticky",
                        lambda: None, times="all")

    @boxed.needs("rsync")
    def test_rsync_copies_the_same(self):
        self.make_everything("source")
        self.assertSame(f"rsync -aHAXS {self.top}/source/ copy/ && rsync -aHAXSni {self.top}/source/ copy/", lambda: None,
                        times="files")  # its two processes race for those of folders

    def test_cp_copies_the_same(self):
        self.make_everything("source")
        self.assertSame(f"cp -a {self.top}/source copy; cp --sparse=always copy/large l; cp --reflink=auto copy/large r; du -k copy/sparse",
                        lambda: None, but=("\nlarge",))

    @boxed.needs("git")
    def test_git_clones_and_commits_the_same(self):
        script = """
            export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
            export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
            export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=init.defaultBranch GIT_CONFIG_VALUE_0=main
            git init -q source && cd source
            for i in $(seq 60); do mkdir -p d$i; echo $i > d$i/f; done; ln -s d1 link; chmod +x d2/f
            git add . && git commit -qm one && git mv d1 moved && git rm -rq d3 && git commit -qm two && git tag v1
            cd .. && git clone -q source cloned && git clone -q --no-hardlinks --bare source bare.git
            cd cloned && git status --porcelain && git log --oneline && git checkout -q HEAD~1 && git gc -q && git fsck --strict
            git worktree add -q ../tree main && git -C ../tree grep -c 7 | sort && git stash list"""
        self.assertSame(script, lambda: None, but=(".git/index", "/index", ".git/logs", ".pack", ".idx", ".rev", "gc.log"))

    @boxed.needs("gcc")
    def test_gcc_with_lto_builds_the_same(self):
        def prepare():
            for name, text in C_PROJECT.items():
                self.write(f"work/{name}", text)

        self.assertSame("gcc -frandom-seed=1 -O2 -flto -j2 main.c part.c -o small 2>/dev/null || "
                        "gcc -frandom-seed=1 -O2 -flto=2 main.c part.c -o small; ./small", prepare)

    @boxed.needs("cmake", "ninja", "cc")
    def test_cmake_and_ninja_build_the_same(self):
        def prepare():
            for name, text in C_PROJECT.items():
                self.write(f"work/{name}", text)

        script = """
            cmake -G Ninja -S . -B build > /dev/null && ninja -C build > /dev/null && build/small
            ninja -C build | tail -1
            sleep 0.01; touch part.h && ninja -C build -n | wc -l && ninja -C build > /dev/null
            cmake --install build --prefix $PWD/installed > /dev/null && installed/bin/small"""
        self.assertSame(script, prepare, but=(".ninja_log", ".ninja_deps", "CMakeFiles/", "Testing"))

    @boxed.needs("make", "cc", "ar")
    def test_make_decides_the_same(self):
        def prepare():
            for name, text in C_PROJECT.items():
                self.write(f"work/{name}", text)
            self.write("work/Makefile", "small: main.o libpart.a\n\t$(CC) -o $@ $^\nlibpart.a: part.o\n\tar rcD $@ $^\n"
                                        "main.o part.o: part.h\n")

        self.assertSame("make -j2 > /dev/null && ./small && make && touch part.c && make && make | tail -1", prepare)

    def test_python_makes_the_same_environment(self):
        for pip in ("--without-pip", ""):
            if not pip and self.run_outside("python3", "-m", "ensurepip", "--version").returncode != 0:
                continue
            script = f"python3 -m venv {pip} env && env/bin/python -c 'import sys; print(sys.prefix)'"
            if not pip:
                script += " && env/bin/pip --version"
            with self.subTest(pip):
                self.assertSame(script, lambda: None, but=("__pycache__",))

    @boxed.needs("dpkg-deb")
    def test_dpkg_deb_builds_and_unpacks_the_same(self):
        def prepare():
            self.write("work/package/DEBIAN/control", "Package: small\nVersion: 1\nArchitecture: all\n"
                                                      "Maintainer: A <a@b.example>\nDescription: small\n")
            self.write("work/package/DEBIAN/postinst", "#!/bin/sh\n", mode=0o755)
            self.write("work/package/usr/bin/small", "#!/bin/sh\n", mode=0o755)
            self.write("work/package/usr/share/doc/small/copyright", "text\n", mode=0o644)
            os.link(self.dir / "package/usr/bin/small", self.dir / "package/usr/bin/other")
            (self.dir / "package/usr/bin/link").symlink_to("small")
            for folder, folders, files in os.walk(self.dir / "package"):
                for name in folders + files:
                    os.utime(os.path.join(folder, name), (1e9, 1e9), follow_symlinks=False)
            os.utime(self.dir / "package", (1e9, 1e9))

        self.assertSame("SOURCE_DATE_EPOCH=1000000000 dpkg-deb --root-owner-group -Zxz -b package small.deb > /dev/null; "
                        "dpkg-deb -x small.deb out; dpkg-deb -e small.deb control; dpkg-deb -c small.deb", prepare)
        mtime = os.stat(self.dir / "out/usr/bin/small").st_mtime
        self.assertEqual(mtime, 1e9)

    @boxed.needs("npm")
    def test_npm_installs_a_local_package_the_same(self):
        def prepare():
            self.write("work/local/package.json", '{"name":"local","version":"1.0.0","bin":{"local":"run.js"}}\n')
            self.write("work/local/run.js", "#!/usr/bin/env node\nconsole.log('ran')\n", mode=0o755)
            self.write("work/package.json", '{"name":"outer","version":"1.0.0"}\n')

        node = os.path.dirname(os.path.realpath(shutil.which("npm")))
        path = f"{os.path.dirname(shutil.which('npm'))}:{node}:{self.environment['PATH']}"
        self.assertSame("npm install --offline --no-audit --no-fund --install-links=false ./local >/dev/null && "
                        "node_modules/.bin/local", prepare, but=(".package-lock.json",), env={"PATH": path})
        # It unpacks by way of a cache, which is in the home folder that a box may not write.
        self.assertSame("export npm_config_cache=$PWD/cache; npm pack --silent ./local >/dev/null && "
                        "npm install --offline --no-audit --no-fund ./local-1.0.0.tgz >/dev/null && "
                        "node_modules/.bin/local",
                        prepare, but=(".package-lock.json", ".tgz", "cache"), env={"PATH": path})

    def test_editors_and_small_tools_work_the_same(self):
        def prepare():
            self.make_everything()

        script = """
            sed -i.bak s/text/TEXT/ tree/private; sort -o tree/sorted tree/program; install -D -m 4711 -o 7 -g 8 tree/plain a/b/c
            mv -T tree/folder tree/moved; ln -sfn other tree/symlink; split -b 1000000 tree/large part-
            find tree -type f -links +1 | sort; find . -name 'part-*' | sort | xargs cat | cmp - tree/large
            gzip -n tree/plain -c > z.gz; zcat z.gz; touch -r tree/program ref; stat -c %y ref
            dd if=tree/sparse of=copy conv=sparse status=none; du -k copy; getfattr -d tree/plain
            patch -s tree/private <<< $'--- a\\n+++ b\\n@@ -1 +1 @@\\n-TEXT\\n+patched\\n'; cat tree/private
            chmod -R a+rX tree/moved; rm -rf tree/sticky; (umask 077; mkdir secret; touch secret/file)
            test -p tree/pipe && (cat tree/pipe & echo piped > tree/pipe; wait)
            xargs -0 rm -f < <(printf 'tree/empty\\0tree/read-only\\0'); truncate -s 12345 grown; fallocate -l 1M alloc; du -k alloc"""
        self.assertSame(script, prepare, but=("tree/large", "part-"))

    def test_debian_packages_can_be_listed(self):
        native = self.run_outside("dpkg-query", "-W", "-f", "${Package}\n")
        self.assertEqual(self.run_box("dpkg-query", "-W", "-f", "${Package}\n").out, native.stdout)


if __name__ == "__main__":
    boxed.main()

"""`make install` to /usr/local in a box: the host stays, diff lists what a real install adds, apply makes it so.

/usr/local is a folder of the test's own, in its own mount namespace.  What is installed is a small project with what
installs are made of; INSTALL_FROM=DIRECTORY names another one that is built already (bench/get_hello fetches GNU hello).
"""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import time

import boxed
import serving
from boxes import BOXES, tree_of

PREFIX = pathlib.Path("/usr/local")

MAKEFILE = r"""
d = $(DESTDIR)/usr/local
all: greet greet.1.gz
greet: Makefile
	printf '#!/bin/sh\necho hello\n' > $@
greet.1.gz: Makefile
	echo '.TH GREET 1' | gzip -n > $@; touch -d '2002-03-04 05:06:07.5' $@
install: all
	install -d $d/bin $d/lib/greet $d/share/man/man1 $d/share/info $d/share/locale/de/LC_MESSAGES $d/share/locale/fr/LC_MESSAGES
	install -m 755 greet $d/bin/greet
	ln -f $d/bin/greet $d/bin/greet-too
	ln -sf greet $d/bin/hello
	install -m 4755 /bin/true $d/bin/greet-all
	install -p -m 644 greet.1.gz $d/share/man/man1/greet.1.gz
	ln -sf greet.1.gz $d/share/man/man1/hello.1.gz
	echo 'greet: (greet).' >> $d/share/info/dir
	echo greet > $d/share/info/greet.info; chmod 644 $d/share/info/greet.info
	for l in de fr; do echo $$l > $d/share/locale/$$l/LC_MESSAGES/greet.mo; done
	install -d -m 2775 -g 50 $d/share/greet
	install -p -m 640 -o 12 -g 34 Makefile $d/share/greet/state
	touch -d '2001-02-03 04:05:06.123456789' $d/share/greet/state
	mkfifo -m 600 $d/lib/greet/queue
	rm -rf $d/bin/greet-old $d/share/greet-1
	rm -f $d/lib/libgreet.so && ln -s libgreet.so.2 $d/lib/libgreet.so
	mv $d/share/greet.conf $d/share/greet/greet.conf
"""

# What an earlier version left there.
BEFORE = """
mkdir -p bin lib share/info share/greet-1/deep share/man; echo old > bin/greet; echo old > bin/greet-old
echo dir > share/info/dir; echo a > share/greet-1/deep/a; ln -s libgreet.so.1 lib/libgreet.so
echo conf > share/greet.conf; ln -s share/man man; chmod 2775 share; chgrp 50 share
touch -d 2020-01-01 bin/* share/info/dir; touch -d '2020-01-02' bin lib share share/* .
"""


class MakeInstall(boxed.Case):
    def setUp(self):
        super().setUp()
        self.box = self.top.name
        self.addCleanup(shutil.rmtree, BOXES / self.box, ignore_errors=True)
        self.boxes = self.boxes_there()
        self.source = pathlib.Path(os.environ.get("INSTALL_FROM", self.dir))
        if self.source == self.dir:
            (self.dir / "Makefile").write_text(MAKEFILE)
        subprocess.run(["make", "-s", "all"], cwd=self.source, check=True)
        self.host, self.real = self.top / "host", self.top / "real"
        self.host.mkdir()
        subprocess.run(["sh", "-euc", BEFORE], cwd=self.host, check=True)
        subprocess.run(["cp", "-a", self.host, self.real], check=True)
        self.before = tree_of(self.host)
        self.began = time.time_ns()

    @staticmethod
    def boxes_there():
        return sorted(os.listdir(BOXES)) if BOXES.exists() else []

    @contextlib.contextmanager
    def at_prefix(self, folder):
        subprocess.run(["mount", "--bind", folder, PREFIX], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", PREFIX], check=True)

    def install_in_box(self):
        with self.at_prefix(self.host):
            self.assertEnded(self.run_box("sh", "-c", "make -s install", options=("--cow", "--box", self.box), cwd=self.source))

    def install_really(self):
        """What that looks like, and what it did to what was there before: a name's kind of change for each name."""
        with self.at_prefix(self.real):
            subprocess.run(["make", "-s", "install"], cwd=self.source, check=True, stdout=subprocess.DEVNULL, umask=0o022)
        after = tree_of(self.real)
        found = {name: "added" for name in after if name not in self.before}
        for name, entry in self.before.items():
            if name not in after:
                if (self.real / name).parent.exists():  # what is below a removed directory goes with it
                    found[name] = "removed"
            elif self.without_new_times(after[name]) != self.without_new_times(entry):
                found[name] = "changed"
        return after, found

    @staticmethod
    def without_new_times(entry):
        """Without a time that is the install's own, not one that it was told."""
        return {key: value for key, value in entry.items() if key != "mtime"}

    def diff(self):
        with self.at_prefix(self.host):
            done = self.fusebox("diff", self.box, PREFIX, "--json")
        self.assertEnded(done)
        return json.loads(done.stdout)

    def shown_by_overlayfs(self):
        upper, point = BOXES / self.box / "upper" / PREFIX.relative_to("/"), self.top / "point"
        work = BOXES / self.box / "work-of-overlayfs"
        for path in (work, point):
            path.mkdir()
        options = f"lowerdir={self.host},upperdir={upper},workdir={work},redirect_dir=on"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, point], check=True)
        try:
            return tree_of(point)
        finally:
            subprocess.run(["umount", point], check=True)
            shutil.rmtree(work)

    def test_an_install_can_be_looked_at_and_then_taken_over(self):
        self.maxDiff = 4000
        self.install_in_box()
        self.assertEqual(tree_of(self.host), self.before, "the host has changed")

        installed, changes = self.install_really()
        found = {}
        for change in self.diff():
            name = os.path.relpath(change["path"], PREFIX)
            found[name] = change["change"]
            if "from" in change:  # a move is what a real one shows as two changes
                found[name] = "added"
                found[os.path.relpath(change["from"], PREFIX)] = "removed"
        self.assertEqual(found, changes)

        shown = self.shown_by_overlayfs()
        self.assertAsInstalled(shown, installed)

        with self.at_prefix(self.host):
            self.assertEnded(self.fusebox("apply", self.box))
        after = tree_of(self.host)
        self.assertAsInstalled(after, installed)
        self.assertEqual(after, shown, "not as it was in the box, times included")
        self.assertEqual(self.diff(), [])

        self.assertEnded(self.fusebox("discard", self.box))
        self.assertEqual(self.boxes_there(), self.boxes)

    def test_an_install_can_be_dropped(self):
        self.install_in_box()
        self.assertEnded(self.fusebox("discard", self.box))
        self.assertEqual(tree_of(self.host), self.before)
        self.assertEqual(self.boxes_there(), self.boxes)

    def assertAsInstalled(self, found, installed):
        """Equal in all but the times that are the install's own; those it was told (install -p, touch -d) are equal, too."""
        self.assertEqual(sorted(found), sorted(installed))
        for name, entry in installed.items():
            told = entry.get("mtime", self.began) < self.began - 10**9
            same = (lambda entry: entry) if told else self.without_new_times
            self.assertEqual(same(found[name]), same(entry), name)


if __name__ == "__main__":
    serving.in_own_mount_namespace()
    boxed.main()

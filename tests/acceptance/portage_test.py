"""An unmodified emerge with our `sandbox` in the place of Gentoo's, on toy packages: one that behaves, and some that do not.

PORTAGE names a checkout of https://github.com/gentoo/portage that everybody may read; without one all of it is skipped.  In
a mount namespace of its own, with overlays on /usr/bin, for the program, and on /etc, so that what gets out does no harm.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import boxed  # noqa: E402
import serving  # noqa: E402

# Not below /tmp or /var/tmp, which a sandbox may write.
boxed.SCRATCH = os.environ.get("FUSEBOX_SCRATCH", "/srv")
PORTAGE = pathlib.Path(os.environ.get("PORTAGE", ""))
BUILD = pathlib.Path(boxed.BINARY).resolve().parent
PHASES = 13  # each is one start of the sandbox

EBUILD = """
EAPI=8
DESCRIPTION="A toy"
HOMEPAGE="https://example.org/"
LICENSE="public-domain"
SLOT="0"
KEYWORDS="amd64"
S="${WORKDIR}"
"""

BEHAVING = """
src_unpack() {
	printf '%s\\n' '#include <stdio.h>' '#include "greeting.h"' 'int main(void) { puts(GREETING); }' > hello.c || die
}
src_compile() {
	echo '#define GREETING "hello"' > greeting.h || die
	cc -o hello hello.c || die
	[[ $(./hello) == hello ]] || die
}
src_install() {
	dobin hello
	insinto /usr/share/hello
	doins greeting.h
	dosym hello /usr/bin/hello-again
}
"""

# None of them looks whether it worked, so only the sandbox can fail it.
HOSTILE = """
src_compile() {
	cp "${FILESDIR}/attacker" . || die
	%s
	true
}
src_install() {
	insinto /usr/share/hostile
	doins attacker
}
"""

VICTIM, NEW = "/etc/debian_version", "/etc/fusebox-was-here"
ATTACKS = {  # what is done, and each function and path that has to be in the log
    "shell": (f"touch {NEW}", [("open_wr_creat", NEW)]),
    "static": (f"./attacker open {VICTIM}", [("open_wr", VICTIM)]),
    "ring": (f"./attacker ring_write {VICTIM}; ./attacker ring_create {NEW}; ./attacker ring_unlink {VICTIM}",
             [("open_wr", VICTIM), ("open_wr_creat", NEW), ("unlink", VICTIM)]),
    "rename": (f"./attacker rename_into_place {VICTIM}", [("rename", VICTIM)]),
    "link": (f"ln {VICTIM} {NEW}; ./attacker a_hard_link ${{EPREFIX}}/etc/portage/make.conf",
             [("link", NEW), ("link", "%s/etc/portage/make.conf")]),
    "mapping": (f"./attacker mapping {VICTIM}", [("open_wr", VICTIM)]),
    "cleared": (f"env -i ./attacker truncate {VICTIM}", [("truncate", VICTIM)]),
    "background": (f"setsid sh -c 'trap \"\" HUP INT TERM; while sleep 0.1; do : > {NEW}; done' & sleep 0.5",
                   [("open_wr_creat", NEW)]),
}
# Ended with the phase, before it could do anything.
LATE = f"setsid sh -c 'trap \"\" HUP INT TERM; sleep 0.5; : > {NEW}; : > ${{WORKDIR}}/late' & disown"


@unittest.skipUnless((PORTAGE / "bin/emerge").exists(), "PORTAGE names no checkout of Portage")
class Emerge(boxed.Case):
    user = "root"

    def setUp(self):
        super().setUp()
        self.top.chmod(0o755)
        self.calls = self.top / "calls"
        self.calls.touch()
        self.calls.chmod(0o666)
        self.prefix = self.top / "prefix"
        self.temporary = self.prefix / "var/tmp"
        self.temporary.mkdir(parents=True)
        self.temporary.chmod(0o1777)
        self.make_repository()
        self.make_configuration()
        self.overlays = self.top / "overlays"
        self.overlays.mkdir()
        self.mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", self.overlays)
        self.overlay("/etc")
        self.overlay("/usr/bin")
        self.install_sandbox()
        if self.user != "root":
            os.mknod(self.overlays / "fuse", 0o020666, os.stat("/dev/fuse").st_rdev)
            os.chmod(self.overlays / "fuse", 0o666)
            self.mount("--bind", self.overlays / "fuse", "/dev/fuse")

    def mount(self, *arguments):
        subprocess.run(["mount", *map(str, arguments)], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(arguments[-1])], check=True)

    def overlay(self, folder):
        upper = self.overlays / folder.replace("/", "-")
        work = self.overlays / f"{upper.name}.work"
        for path in (upper, work):
            path.mkdir()
        self.mount("-t", "overlay", "-o", f"lowerdir={folder},upperdir={upper},workdir={work}", "overlay", folder)

    def install_sandbox(self):
        """Where the user of the phases may execute it."""
        folder = self.overlays / "sandbox"
        folder.mkdir()
        for name in ("fusebox", "libfusebox-reporter.so", "sandbox.bashrc"):
            shutil.copy(BUILD / name, folder / name)
        (folder / "sandbox").symlink_to("fusebox")
        counting = pathlib.Path("/usr/bin/sandbox")
        counting.unlink(missing_ok=True)
        counting.write_text(f'#!/bin/bash\necho call >> {self.calls}\nexec {folder}/sandbox "$@"\n')
        counting.chmod(0o755)

    def make_repository(self):
        files = {"metadata/layout.conf": "masters =\nrepo-name = toys\nthin-manifests = true\ncache-formats =\n",
                 "profiles/eapi": "8\n", "profiles/arch.list": "amd64\n", "profiles/categories": "app-misc\n",
                 "profiles/repo_name": "toys\n", "profiles/test/eapi": "8\n", "eclass/.keep": "",
                 "profiles/test/make.defaults": 'ARCH="amd64"\nACCEPT_KEYWORDS="amd64"\nCHOST="x86_64-pc-linux-gnu"\n',
                 "app-misc/hello/hello-1.ebuild": EBUILD + BEHAVING}
        self.repository = self.top / "repository"
        for name, (attack, _) in [*ATTACKS.items(), ("late", (LATE, []))]:
            files[f"app-misc/{name}/{name}-1.ebuild"] = EBUILD + HOSTILE % attack
            (self.repository / "app-misc" / name / "files").mkdir(parents=True)
            shutil.copy(boxed.helper("attacker"), self.repository / "app-misc" / name / "files/attacker")
        for name, text in files.items():
            self.write(self.repository / name, text)

    def make_configuration(self):
        group = subprocess.run(["id", "-gn", self.user], capture_output=True, text=True, check=True).stdout.strip()
        etc, config = self.prefix / "etc/portage", self.prefix / "usr/share/portage/config"
        self.write(etc / "make.conf", f'PORTAGE_TMPDIR="{self.temporary}"\nFEATURES="-news -strict"\nACCEPT_LICENSE="*"\n'
                   f'DISTDIR="{self.top}/distfiles"\nPORTAGE_USERNAME="{self.user}"\nPORTAGE_GRPNAME="{group}"\n')
        config.mkdir(parents=True)
        (etc / "make.profile").symlink_to(self.repository / "profiles/test")
        (config / "make.globals").symlink_to(PORTAGE / "cnf/make.globals")
        (config / "sets").symlink_to(PORTAGE / "cnf/sets")
        self.variables = {
            "PATH": self.environment["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8", "NOCOLOR": "true",
            "PORTAGE_OVERRIDE_EPREFIX": str(self.prefix), "PORTAGE_USERNAME": self.user, "PORTAGE_GRPNAME": group,
            "PYTHONPATH": str(PORTAGE / "lib"), "PYTHONDONTWRITEBYTECODE": "1", "FUSEBOX_TEST_RUN": self.marker,
            "PORTAGE_REPOSITORIES":
                f"[DEFAULT]\nmain-repo = toys\n[toys]\nlocation = {self.repository}\nauto-sync = no\n"}

    def emerge(self, *arguments, prefix=()):
        self.calls.write_text("")
        return subprocess.run([*prefix, "/usr/bin/python3", PORTAGE / "bin/emerge", *arguments], env=self.variables, cwd=self.dir,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=boxed.PATIENCE)

    def records(self, package):
        log = self.temporary / f"portage/app-misc/{package}-1/temp/sandbox.log"
        if not log.exists():
            return []
        fields = [line.split(": ", 1) for line in log.read_text().split("\n\n", 1)[1].splitlines() if line]
        return [(what, path) for (key, what), (_, path) in zip(fields, fields[2:]) if key == "F"]

    def assertEtcIsUntouched(self):
        self.assertEqual(os.listdir(self.overlays / "-etc"), [])

    def test_a_package_that_behaves_is_installed(self):
        done = self.emerge("--oneshot", "--nodeps", "app-misc/hello")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(len(self.calls.read_text().splitlines()), PHASES)
        hello = subprocess.run([self.prefix / "usr/bin/hello"], capture_output=True, text=True, check=True)
        self.assertEqual(hello.stdout, "hello\n")
        self.assertEqual(os.readlink(self.prefix / "usr/bin/hello-again"), "hello")
        self.assertTrue((self.prefix / "usr/share/hello/greeting.h").exists())
        self.assertEtcIsUntouched()

    def test_a_package_that_does_not_is_refused_and_recorded(self):
        for package, (attack, expected) in ATTACKS.items():
            with self.subTest(attack):
                done = self.emerge("--oneshot", "--nodeps", f"app-misc/{package}")
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                wanted = {(function, path.replace("%s", str(self.prefix))) for function, path in expected}
                self.assertLessEqual(wanted, set(self.records(package)), self.records(package))
                self.assertFalse((self.prefix / "usr/share/hostile").exists())
                self.assertEtcIsUntouched()

    def test_what_outlives_a_phase_does_nothing(self):
        done = self.emerge("--oneshot", "--nodeps", "app-misc/late")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEtcIsUntouched()

    def test_emerge_looks_around_in_a_box(self):
        # What is known of the packages is looked up in a sandbox, which a box does not hold; git would write its index.
        self.assertEqual(self.emerge("-p", "app-misc/hello").returncode, 0)
        box = (str(BUILD / "fusebox"), "run", "-q", "--write", str(self.prefix), "--predict", f"{PORTAGE}/.git", "--")
        done = self.emerge("-p", "app-misc/hello", prefix=box)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("] app-misc/hello-1", done.stdout)
        done = self.emerge("--info", prefix=box)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn('ACCEPT_KEYWORDS="amd64"', done.stdout)


class EmergeAsNobody(Emerge):
    """The phases from unpack to test, without any capability."""

    user = "nobody"


if __name__ == "__main__":
    serving.in_own_mount_namespace()
    boxed.main()

"""The hostile program of escape_test.py against `sandbox`, whose policy is each process's own environment.

Each attack is made twice: where it has to fail, with nothing written and a record in the log before the answer, and where
its defence is taken away, with the place in SANDBOX_WRITE, where it has to succeed.
"""

import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "acceptance"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import boxed  # noqa: E402
from escape_test import DONE, ON_FILES, REFUSED, UNKNOWN  # noqa: E402

# Not below /tmp or /var/tmp, which a sandbox may write.
boxed.SCRATCH = os.environ.get("FUSEBOX_SCRATCH", "/srv")
SANDBOX = pathlib.Path(boxed.BINARY).resolve().parent / "sandbox"

ATTACKS = {**ON_FILES, "a_shared_mapping": "mapping $F", "a_rename_into_place": "rename_into_place $F"}

# It is another's place that the policy keeps, and the kernel's filter that refuses: no matter of the lists.
NOT_BY_LISTS = {"a_socket"}


class AgainstTheLists(boxed.Case):
    def setUp(self):
        super().setUp()
        shutil.copy(boxed.helper("attacker"), self.dir / "attacker")
        self.file = self.outside / "file"
        self.new = self.outside / "new"
        self.log = self.top / "sandbox.log"

    def attack(self, words, writable):
        self.file.unlink(missing_ok=True)
        self.new.unlink(missing_ok=True)
        self.file.write_text("a precious text\n")
        for name in ("linked", "mine", "here", "there", "cell"):
            path = self.dir / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        values = {"$F": self.file, "$N": self.new, "$D": self.dir}
        command = [str(self.dir / "attacker"), *(str(values.get(word, word)) for word in words.split())]
        return subprocess.run(
            [SANDBOX, *command],
            env={
                **self.environment,
                "SANDBOX_WRITE": ":".join(map(str, writable)),
                "SANDBOX_LOG": str(self.log),
                "NOCOLOR": "1",
            },
            cwd=self.dir,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=boxed.PATIENCE,
        )


def against(name, words):
    def test(self):
        done = self.attack(words, [self.dir])
        if done.returncode == UNKNOWN:
            self.skipTest(done.stdout.strip())
        self.assertEqual((done.returncode, done.stdout), (REFUSED, "EACCES\n"), done.stderr)
        self.assertEqual(self.file.read_text(), "a precious text\n")
        self.assertFalse(self.new.exists())
        if name not in NOT_BY_LISTS:
            self.assertIn("\nS: deny\n", self.log.read_text())
        done = self.attack(words, [self.dir, self.outside])
        self.assertEqual(done.returncode, DONE, done.stdout + done.stderr)

    return test


for name, words in ATTACKS.items():
    setattr(AgainstTheLists, f"test_{name}_does_not_get_past_the_lists", against(name, words))


if __name__ == "__main__":
    boxed.main()

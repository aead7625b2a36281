"""What the documents and the help texts tell a reader to type works as it stands there."""

import os
import pathlib
import re
import shutil
import subprocess

import boxed
import boxes

SOURCE = pathlib.Path(__file__).resolve().parents[2]
COMMANDS = ("run", "mirror", "script", "log", "policy", "policy check", "policy explain", "policy print", "doctor",
            "boxes", "diff", "apply", "discard", "export",
            "seccomp", "seccomp run", "seccomp check", "seccomp export", "seccomp import")

# What an example names and this machine need not have, and where the test keeps its own.
STAND_INS = {"/srv/data": "data", "mirror / ": "mirror data ", "examples/ruby": f"{SOURCE}/examples/ruby", "/mnt": "point"}
NOT_RUN = {
    r"^make (demo|test)\b": "runs this very test",
    r"--fix\b": "changes the machine until its next boot",
    r"--cow\b": "the test makes the box by hand",
}
if reason := boxed.without_scripts():
    print(f"not run: script --help: {reason}", flush=True)
    COMMANDS = tuple(command for command in COMMANDS if command != "script")
    NOT_RUN[r"\.rb\b"] = reason


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (SOURCE / path).read_text(), re.MULTILINE | re.DOTALL)


def without_comment(line):
    return re.sub(r"\s+#.*", "", line).strip()


class Documentation(boxed.Case):
    def setUp(self):
        super().setUp()
        self.write("work/configure", "#!/bin/sh\necho configured > config.status\n", mode=0o755)
        self.write("work/Makefile", "all: config.status\n\tcat config.status > out\nconfig.status:\n\t./configure\n")
        self.write("work/data/etc/motd")
        self.write("work/profile.json", '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}\n')
        self.write("work/filter.rb", "Seccomp.new(default: :allow) { |rule| rule.errno(:EPERM, :acct) }.load\n")
        (self.dir / "point").mkdir()
        self.write("work/fusebox.toml", blocks("README.md", "toml")[0])
        (self.dir / "build/release").mkdir(parents=True)
        (self.dir / "build/release/fusebox").symlink_to(pathlib.Path(boxed.BINARY).resolve())
        self.environment["PATH"] = f"{self.dir}/build/release:{self.environment['PATH']}"
        self.addCleanup(subprocess.run, ["umount", "-l", self.dir / "point"], capture_output=True)
        self.addCleanup(shutil.rmtree, boxes.BOXES / self.top.name, ignore_errors=True)

    def make_trial(self):
        """The box that examples speak of: something changed in the working directory, and in src."""
        shutil.rmtree(boxes.BOXES / self.top.name, ignore_errors=True)
        boxes.make_box(self.top.name)
        upper = boxes.BOXES / self.top.name / "upper" / str(self.dir)[1:]
        (upper / "src").mkdir(parents=True)
        (upper / "src/main.c").write_text("int main(void) { return 0; }\n")
        (upper / "report").write_text("done\n")
        boxes.copy_attributes_of_folders(upper, boxes.BOXES / self.top.name / "upper")

    def type(self, line):
        """Runs one line of an example as a reader's shell would."""
        for pattern, reason in NOT_RUN.items():
            if re.search(pattern, line):
                print(f"not run: {line}: {reason}", flush=True)
                return
        for name, stand_in in STAND_INS.items():
            line = line.replace(name, stand_in)
        line = re.sub(r"\btrial\b", self.top.name, line)
        if re.search(r"\bfusebox (mirror|script) ", line):
            process = subprocess.Popen(["sh", "-c", f"exec {line.rstrip(' &')}"], cwd=self.dir, env=self.environment)
            self.addCleanup(self._end, process)
            self.assertIsNotNone(boxed.wait_until(lambda: os.path.ismount(self.dir / "point"), 10), line)
            if not line.endswith("&"):
                process.terminate()
                self.assertEqual(process.wait(10), 0, line)
            return
        done = self.run_outside("sh", "-c", line)
        self.assertEqual(done.returncode, 0, f"{line}\n{done.stdout}{done.stderr}")

    def test_each_command_of_the_readme_works_in_its_order(self):
        lines = [without_comment(line) for block in blocks("README.md", "sh") for line in block.splitlines()]
        self.assertGreater(len(lines), 8)
        for line in filter(None, lines):
            with self.subTest(line):
                self.type(line)
        self.assertTrue((self.dir / "build.d").read_text().startswith(f"{self.dir}/out:"))

    def test_each_example_of_a_help_text_works(self):
        for command in COMMANDS:
            text = self.fusebox(*command.split(), "--help").stdout
            examples = re.findall(r"^  (?:\$ )?((?:sudo )?fusebox (?!.*: ).*|(?<=\$ ).*)$",
                                  text.partition("Example:")[2], re.MULTILINE)
            self.assertTrue(examples, f"{command} --help has no example")
            for example in examples:
                with self.subTest(example):
                    self.type("build/release/fusebox run -q --log audit.jsonl -- true")
                    self.make_trial()
                    self.type(example)

    def test_each_command_of_the_page_on_boxes_works_in_its_order(self):
        self.make_trial()
        for line in filter(None, map(without_comment, blocks("docs/boxes.md", "sh")[0].splitlines())):
            with self.subTest(line):
                self.type(line)
        self.assertEqual((self.dir / "report").read_text(), "done\n")
        self.assertTrue((self.dir / "layer.tar").exists())

    def test_each_command_of_the_page_on_filters_works_in_its_order(self):
        for line in filter(None, map(without_comment, blocks("docs/seccomp.md", "sh")[0].splitlines())):
            with self.subTest(line):
                self.type(line)

    def test_each_policy_that_a_document_shows_is_a_good_one(self):
        for document in ("README.md", "docs/policy-language.md"):
            for number, block in enumerate(blocks(document, "toml")):
                with self.subTest(document, number=number):
                    path = self.write(f"work/policy{number}.toml", block)
                    self.assertEnded(self.fusebox("policy", "check", path))

    def test_the_event_that_a_document_shows_can_be_read(self):
        for block in blocks("docs/audit-format.md", "json"):
            path = self.write("work/shown.jsonl", block)
            done = self.fusebox("log", path)
            self.assertEnded(done)
            self.assertIn("/etc/motd", done.stdout)

    def test_what_a_document_quotes_of_a_file_stands_in_it(self):
        quotes = 0
        for document in [*SOURCE.glob("*.md"), *SOURCE.glob("docs/**/*.md")]:
            text = document.read_text()
            for name, quote in re.findall(r"^<!-- (\S+) -->\n```cpp\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
                quotes += 1
                with self.subTest(document=document.name, name=name, quote=quote.split("\n")[0]):
                    self.assertIn(quote, (SOURCE / name).read_text())
            with self.subTest(document=document.name):
                unnamed = re.findall(r"(?<! -->\n)^```cpp$", text, re.MULTILINE)
                self.assertEqual(unnamed, [], "a block that does not say which file it is of")
        self.assertGreater(quotes, 10)

    def test_the_readme_shows_a_whole_file_system(self):
        self.assertIn((SOURCE / "examples/hello.cc").read_text(), blocks("README.md", "cpp"))

    def test_no_document_names_a_file_that_is_not_there(self):
        for document in [*SOURCE.glob("*.md"), *SOURCE.glob("docs/**/*.md")]:
            prose = re.sub(r"(?ms)^```.*?^```", "", document.read_text())
            for target in re.findall(r"\]\((?!https?:)([^)#]+)", prose):
                with self.subTest(document=document.name, target=target):
                    self.assertTrue((document.parent / target).exists())


if __name__ == "__main__":
    boxed.main()

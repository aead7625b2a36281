"""The scripts of examples/ruby do what their first lines say."""

import errno
import json
import os
import subprocess

import boxed
from scripted import EXAMPLES, Case, web_server


class Examples(Case):
    def test_greeting_greets_and_can_be_rewritten(self):
        point = self.serve(EXAMPLES / "greeting.rb")
        listed = {name: (oct((point / name).stat().st_mode & 0o777), (point / name).stat().st_size)
                  for name in os.listdir(point)}
        self.assertEqual(listed, {"hello": ("0o444", 24), "board": ("0o644", 19)})
        self.assertEqual((point / "hello").read_text(), "Good morning from Ruby.\n")
        self.assertEqual(self.sh("echo 'back at five' > board; echo now >> board; cat board").stdout, "back at five\nnow\n")
        self.fails_with(errno.ENOENT, (point / "nope").read_text)

    def test_notes_are_a_whole_file_system(self):
        point = self.serve(EXAMPLES / "notes.rb")
        done = self.sh("""set -e
            mkdir -m 750 todo; echo milk > todo/shop; chmod 600 todo/shop; ln -s todo/shop link; cat link
            mv todo later; ls later; touch -d @1000000000 later/shop; chown 5:6 later/shop; stat -c '%a %u %g %Y %s' later/shop
            setfattr -n user.tag -v red later/shop; getfattr --only-values -n user.tag later/shop; echo
            getfattr later/shop | grep tag; setfattr -x user.tag later/shop; getfattr later/shop
            ! rmdir later; rm later/shop link; rmdir later; ls; df --output=itotal . | tail -1 | tr -d ' '""")
        self.assertEqual(done.stdout, "milk\nshop\n600 5 6 1000000000 5\nred\nuser.tag\n1\n", done.stderr)
        self.assertEqual(self.messages(), [])
        (point / "big").write_bytes(os.urandom(1 << 20))
        self.assertEqual((point / "big").stat().st_size, 1 << 20)

    def test_the_webhook_is_told_each_line(self):
        with web_server({"/down": (503, b"")}) as server:
            self.serve(EXAMPLES / "webhook.rb", env={"WEBHOOK_URL": server.url + "/hook"})
            self.assertEqual(self.sh("printf 'one\\n\"two\"\\n' > notify").returncode, 0)
            self.assertEqual([(method, path, kind, json.loads(body)["message"])
                              for method, path, kind, body in server.requests],
                             [("POST", "/hook", "application/json", "one"), ("POST", "/hook", "application/json", '"two"')])
            self.assertEqual(self.printed(), 'one: 200\n"two": 200\n')

    def test_a_webhook_that_is_not_there_is_an_error_for_the_writer(self):
        with web_server() as server:
            url = server.url
        self.serve(EXAMPLES / "webhook.rb", env={"WEBHOOK_URL": url})
        self.fails_with(errno.EIO, (self.point / "notify").write_text, "hi\n")
        self.assertRegex(self.messages()[0], r"webhook\.rb:\d+: .*\(Curl::Error\)$")
        self.assertEqual(os.listdir(self.point), ["notify"])

    def test_a_json_document_is_a_directory(self):
        document = {"name": "box", "n": 7, "parts": [{"id": 1}, None, True], "a/b": "slash"}
        with web_server({"/status": (200, json.dumps(document).encode())}) as server:
            point = self.serve(EXAMPLES / "json_api.rb", env={"API_URL": server.url + "/status"})
            self.assertEqual(sorted(os.listdir(point)), ["a%2Fb", "n", "name", "parts"])
            self.assertEqual((point / "name").read_text(), "box\n")
            self.assertEqual((point / "parts/0/id").read_text(), "1\n")
            self.assertEqual([(point / f"parts/{i}").read_text() for i in (1, 2)], ["null\n", "true\n"])
            self.fails_with(errno.ENOENT, os.stat, point / "parts/3")
            self.assertEqual(len(server.requests), 1)

    @boxed.needs("git")
    def test_git_objects_show_commits(self):
        repository = self.top / "repository"
        git = ["git", "-C", repository, "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        subprocess.run(["git", "init", "-q", "-b", "main", repository], check=True, env=self.environment)
        (repository / "src").mkdir()
        (repository / "src/it's.c").write_text("int main;\n")
        subprocess.run([*git, "add", "."], check=True, env=self.environment)
        subprocess.run([*git, "commit", "-q", "-m", "First light"], check=True, env=self.environment)
        point = self.serve(EXAMPLES / "git_objects.rb", env={"GIT_DIR": str(repository / ".git")})
        self.assertEqual(sorted(os.listdir(point)), ["HEAD", "main"])
        self.assertEqual((point / "HEAD/tree/src/it's.c").read_text(), "int main;\n")
        self.assertIn("First light", (point / "main/message").read_text())
        self.assertEqual(os.listdir(point / "main/tree"), ["src"])
        self.fails_with(errno.ENOENT, os.stat, point / "main/tree/none")

    def test_rot13_turns_what_it_shows(self):
        vault = self.top / "vault"
        vault.mkdir()
        point = self.serve(EXAMPLES / "rot13.rb", env={"VAULT": str(vault)})
        (point / "plan").write_text("Attack at dawn\n")
        self.assertEqual((vault / "plan").read_text(), "Nggnpx ng qnja\n")
        self.assertEqual((point / "plan").read_text(), "Attack at dawn\n")
        self.assertEqual(self.sh("mkdir -m 700 d; mv plan d/p; cat d/p; truncate -s 6 d/p; cat d/p; rm d/p; rmdir d; ls").stdout,
                         "Attack at dawn\nAttack")
        self.assertEqual(os.listdir(vault), [])
        self.assertEqual(self.messages(), [])


class InABox(Case):
    def test_a_script_is_a_directory_of_a_box_under_its_policy_and_in_its_log(self):
        place = self.dir / "scripted"
        place.mkdir()
        ended = self.run_box("sh", "-c", "cat scripted/hello; echo new > scripted/board; cat scripted/board; ls scripted",
                             options=["--script", f"{place}={EXAMPLES / 'greeting.rb'}", "--deny", place / "board"])
        self.assertEqual(ended.out, "Good morning from Ruby.\nboard\nhello\n", str(ended))
        self.assertEqual({event["path"] for event in ended.violations}, {str(place / "board")})
        self.assertIn(str(place / "hello"), {event["path"] for event in ended.events})
        self.assertEqual(os.listdir(place), [])

    def test_copy_on_write_leaves_a_script_its_own_changes(self):
        place = self.dir / "scripted"
        place.mkdir()
        ended = self.run_box("sh", "-c", "echo a > scripted/new; mv scripted/new scripted/moved; cat scripted/moved"
                                         "; cp scripted/moved kept; cat kept",
                             options=["--cow", "--script", f"{place}={EXAMPLES / 'notes.rb'}"])
        self.assertEqual((ended.out, ended.status), ("a\na\n", 0), str(ended))
        self.assertEqual((os.listdir(place), os.path.exists(self.dir / "kept")), ([], False))

    def test_a_script_that_serves_nothing_starts_no_box(self):
        script = self.script("puts 1")
        ended = self.run_box("true", options=["--script", f"{self.dir}={script}"])
        self.assertEqual(ended.status, 125)
        self.assertIn("the script serves nothing", ended.err)


if __name__ == "__main__":
    boxed.main()

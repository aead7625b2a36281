"""A user of a box without root, other than its root, tries to reach what is the user's, another's, or a stranger's.

Each attempt is also made by one who may, so that it is a real one.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "acceptance"))
import boxed  # noqa: E402
import rootless  # noqa: E402
import serving  # noqa: E402

UID, FIRST = rootless.UID, rootless.FIRST
GROUP = 4  # of the host, unknown in the box
STRANGERS = {"of-root": 0, "of-a-user": 4321, "of-anothers-range": FIRST + 100000}


class Attempts(rootless.CaseOfSeveralIds):
    def make(self, name, mode, uid=UID, gid=UID):
        path = self.write(f"work/{name}", "precious\n", mode=mode)
        os.chown(path, uid, gid)
        path.chmod(mode)
        return path

    def assertOnly(self, ended, *lines):
        self.assertEqual(ended.out.splitlines(), list(lines), str(ended))

    def test_the_users_own_files_are_closed_to_the_others(self):
        secret, shown = self.make("secret", 0o600), self.make("shown", 0o644)
        ended = self.run_as_root("""for id in 0 5 1000; do
              as $id cat secret shown
              as $id sh -c 'echo more >> shown' && echo $id wrote
              as $id sh -c 'echo more >> secret' && echo $id wrote
              as $id chmod 666 secret && echo $id changed; chmod 600 secret
            done""")
        self.assertOnly(ended, "precious", "precious", "0 wrote", "0 wrote", "0 changed",
                        "precious", "more", "precious", "more")
        self.assertEqual((secret.read_text(), shown.read_text()), ("precious\nmore\n",) * 2)

    def test_a_closed_directory_is_closed_though_its_names_are_known(self):
        ended = self.run_as_root("""mkfifo -m 666 ready; mkdir -p d/e; echo text > d/e/file; chown -R 5:5 d; chmod 700 d
            as 6 sh -c 'read go < ready; cat d/e/file; stat -c %n d/e; ls d/e; cd d/e && echo entered; : > d/e/new' &
            as 5 sh -c 'cat d/e/file; stat -c %n d/e; ls d/e; cd d/e && echo entered'
            stat d/e/file > /dev/null; echo go > ready; wait
            chmod 711 d; as 6 cat d/e/file; chmod 700 d; as 6 cat d/e/file""")
        self.assertOnly(ended, "text", "d/e", "file", "entered", "text")

    def test_strangers_files_are_closed_to_all_users_of_the_box(self):
        paths = {name: self.make(name, 0o600, uid, uid) for name, uid in STRANGERS.items()}
        ended = self.run_as_root("""for file in of-*; do
              for id in 0 5 65533; do
                as $id cat $file; as $id sh -c "echo more >> $file"; as $id chmod 666 $file; as $id chown $id $file
                as $id truncate -s 0 $file; as $id setfattr -n user.x -v y $file
              done && echo $id did it
              stat -c '%u:%g %a' $file
            done""")
        self.assertOnly(ended, *["0:0 600"] * len(paths))
        for name, path in paths.items():
            status = path.stat()
            self.assertEqual((path.read_text(), status.st_uid, status.st_mode & 0o777), ("precious\n", STRANGERS[name], 0o600))

    def test_a_directory_of_strangers_is_closed_to_all_users_of_the_box(self):
        (self.dir / "closed").mkdir(mode=0o700)
        (self.dir / "closed" / "file").write_text("precious\n")
        ended = self.run_as_root("for id in 0 5; do as $id ls closed; as $id cat closed/file; as $id touch closed/x; done; ls -d closed")
        self.assertOnly(ended, "closed")
        self.assertEqual([path.name for path in (self.dir / "closed").iterdir()], ["file"])

    def test_a_group_of_the_user_counts_for_his_root_alone(self):
        """Also where others' requests come between, and where the box shows the file as one of its own group 0."""
        self.make("of-the-group", 0o640, 0, GROUP)
        folder = self.make("folder/file", 0o666, 0, 0).parent
        os.chown(folder, 0, GROUP)
        folder.chmod(0o770)
        self.become = [part if part != "--clear-groups" else f"--groups={GROUP}" for part in self.become]
        for options in ((), ("--cow",)):
            ended = self.run_as_root("""for round in 1 2 3; do
                  cat of-the-group && cat folder/file && touch folder/new
                  for groups in '--regid 5 --clear-groups' '--regid 0 --clear-groups' '--regid 5 --groups 0'; do
                    setpriv --reuid 5 $groups sh -c 'cat of-the-group folder/file; ls -a folder; echo more >> folder/file
                      mkdir folder/d; rm -f folder/new; cd folder && cat file; stat -c %n folder/none folder/file'
                  done
                done; stat -c '%u:%g %a' folder""", options=options)
            self.assertOnly(ended, *["precious"] * 6, "0:0 770")
            self.assertEqual((folder / "file").read_text(), "precious\n")

    def test_many_users_at_once_are_not_taken_for_each_other(self):
        self.make("secret", 0o600)
        ended = self.run_as_root("""mkdir -m 1777 d; umask 077
            for id in 1 2 3 4; do
              as $id sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do
                echo '$id' > d/'$id'-$i; cat secret d/[!'$id']-*; cat d/'$id'-$i > d/copy-'$id'
              done 2> /dev/null' &
            done
            for i in 1 2 3 4 5 6 7 8 9 10; do cat secret > /dev/null || echo lost; done
            wait; stat -c %u-%n d/?-* | sed 's,d/,,' | awk -F- '$1 != $2'; ls d | wc -l""")
        self.assertOnly(ended, "44")


if __name__ == "__main__":
    serving.in_own_mount_namespace()
    boxed.main()

"""A box without root that knows several users: `--map-root` where newuidmap and subordinate ids are there."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
import boxed  # noqa: E402
import rootless  # noqa: E402
import serving  # noqa: E402

UID, FIRST, COUNT = rootless.UID, rootless.FIRST, rootless.COUNT
ONE_ID = f"0 {UID} 1"
ALL_IDS = f"{ONE_ID} 1 {FIRST} {COUNT}"
MAPS = "echo $(cat /proc/self/uid_map); echo $(cat /proc/self/gid_map)"


class SubordinateIds(rootless.CaseOfSeveralIds):
    def owner_of(self, name):
        status = (self.dir / name).lstat()
        return status.st_uid, status.st_gid

    def assertMaps(self, ended, users, groups=None):
        self.assertEqual(ended.out.splitlines(), [users, users if groups is None else groups], str(ended))
        self.assertEqual((ended.status, ended.messages[1:]), (0, []), str(ended))

    def test_root_of_the_box_gives_files_to_its_other_users(self):
        ended = self.run_as_root("id -u; touch f own; chown 5:6 f; stat -c %u:%g f own . /etc")
        self.assertEqual(ended.out, "0\n5:6\n0:0\n0:0\n0:0\n", str(ended))
        self.assertEnded(ended)
        self.assertEqual(self.owner_of("f"), (FIRST + 4, FIRST + 5))
        self.assertEqual(self.owner_of("own"), (UID, UID))

    def test_root_of_the_box_becomes_another_user_whose_files_are_his(self):
        ended = self.run_as_root("""mkdir -m 777 d; as 7 sh -c 'id -u; id -g; id -G; umask 027
            echo text > d/file; mkdir d/sub; ln -s file d/symlink; mkfifo d/pipe; mv d/sub d/moved; cat d/file'
            stat -c '%n %u:%g %a' d/*""")
        self.assertEqual(ended.out, "7\n7\n7\ntext\nd/file 7:7 640\nd/moved 7:7 750\nd/pipe 7:7 640\nd/symlink 7:7 777\n",
                         str(ended))
        self.assertEnded(ended)
        for name in ("d/file", "d/moved", "d/pipe", "d/symlink"):
            self.assertEqual(self.owner_of(name), (FIRST + 6, FIRST + 6), name)

    def test_the_users_of_a_box_are_kept_from_each_other_as_anywhere(self):
        script = """mkdir -m 1777 d; as 5 sh -c 'echo secret > d/file; chmod 600 d/file; mkdir -m 700 d/closed'
            for command in 'cat d/file' 'echo more >> d/file' 'chmod 666 d/file' 'chown 6 d/file' 'touch d/file' 'rm -f d/file' \\
                           'mv d/file d/other' 'ln d/file d/link' 'truncate -s 0 d/file' 'ls d/closed' 'touch d/closed/x' \\
                           'test -r d/file' 'touch d/mine' 'rm d/mine'; do
              for id in 5 6; do
                as $id sh -c "$command" > /dev/null 2>&1; echo "$id $command: $?"
              done
            done; ls d"""
        ended = self.run_as_root(script)
        native = subprocess.run(["sh", "-c", f"{rootless.AS_FUNCTION}\n{script}"], cwd=self.outside, capture_output=True, text=True,
                                env=self.environment, timeout=60)
        self.assertEqual(ended.out, native.stdout, str(ended))

    def test_a_group_of_the_box_opens_what_is_the_groups(self):
        ended = self.run_as_root("""echo text > f; chown 5:20 f; chmod 640 f
            setpriv --reuid 6 --regid 6 --groups 20 cat f; as 6 cat f; as 6 setpriv --ruid 6 cat f; echo done""")
        self.assertEqual(ended.out, "text\ndone\n", str(ended))

    def test_an_acl_names_users_of_the_box(self):
        if shutil.which("setfacl") is None:
            self.skipTest("not installed: setfacl")
        ended = self.run_as_root("""echo text > f; chmod 600 f; setfacl -m u:6:r f; as 6 cat f; as 7 cat f
            getfacl -nc f | grep user:6""")
        self.assertEqual(ended.out, "text\nuser:6:r--\n", str(ended))

    def test_a_violation_names_the_user_of_the_box(self):
        (self.outside / "open").mkdir()
        (self.outside / "open").chmod(0o777)
        ended = self.run_as_root(f"as 5 touch {self.outside}/open/x; touch {self.outside}/open/y")
        self.assertEqual([(event["op"], os.path.basename(event["path"]), event["uid"]) for event in ended.violations],
                         [("create", "x", 5), ("create", "y", 0)], str(ended))

    def test_root_of_the_box_is_asked_by_the_policy_first(self):
        ended = self.run_as_root("touch /etc/fusebox-was-here; cat /root/x")
        self.assertEqual([(event["op"], event["path"]) for event in ended.violations], [("create", "/etc/fusebox-was-here")],
                         str(ended))

    def test_what_is_kept_aside_has_owners_too_and_is_dropped(self):
        ended = self.run_as_root("""echo text > f; mkdir d; chown -R 5:5 .; chmod 700 d; as 5 touch d/x; as 6 touch d/y
            stat -c '%n %u' f d d/*; echo more >> /etc/passwd; touch "$HOME/h"; chown 6 "$HOME/h"; stat -c %u "$HOME/h" """,
                                 options=("--cow",))
        self.assertEqual(ended.out, "f 5\nd 5\nd/x 5\n6\n", str(ended))
        self.assertEqual(list(self.dir.iterdir()), [])
        self.assertEqual([path.name for path in (self.home / ".local/share/fusebox/boxes").iterdir()], [])

    def test_what_the_default_discards_has_owners_too(self):
        ended = self.run_as_root('mkdir "$HOME/d"; chown 5:5 "$HOME/d"; as 5 touch "$HOME/d/x"; stat -c %u "$HOME"/d/x')
        self.assertEqual(ended.out, "5\n", str(ended))
        self.assertFalse((self.home / "d").exists())

    def test_what_a_killed_run_kept_of_others_goes_with_the_next(self):
        script = 'mkdir -m 700 "$HOME/d"; touch "$HOME/d/x"; chown -R 5:5 "$HOME/d"; echo begun; sleep 1000'
        box = self.start_box("sh", "-c", script, options=("--map-root",))
        self.assertEqual(box.stdout.readline(), "begun\n")
        box.kill()
        box.wait(60)
        self.assertIsNotNone(boxed.wait_until(lambda: not boxed.processes_with(self.marker), 60))
        boxes = self.home / ".local/share/fusebox/boxes"
        self.assertEqual(len(list(boxes.iterdir())), 1)
        self.assertEnded(self.run_as_root('touch "$HOME/y"'))
        self.assertEqual(list(boxes.iterdir()), [])

    def test_a_pipe_of_outside_is_the_same_pipe_inside(self):
        os.mkfifo(self.dir / "pipe")
        os.chown(self.dir / "pipe", UID, UID)
        reader = subprocess.Popen(["cat", self.dir / "pipe"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(reader.kill)
        self.assertEnded(self.run_as_root("echo through > pipe"))
        self.assertEqual(reader.communicate(timeout=60)[0], "through\n")

    def test_ranges_come_by_name_and_by_number_from_any_line(self):
        self.give(f"root:1:1\nnobody:{FIRST}:10\n\nnonsense\n{UID}:{FIRST + 100}:5\n", f"{UID}:{FIRST}:1000\n")
        self.assertMaps(self.run_as_root(MAPS), f"{ONE_ID} 1 {FIRST} 10 11 {FIRST + 100} 5", ALL_IDS)

    def test_the_ids_that_stand_for_strangers_stay_free(self):
        self.give(f"nobody:{FIRST}:65536\n")
        ended = self.run_as_root(f"{MAPS}; touch f; chown 65533:65533 f && stat -c %u f; chown 65534 f")
        self.assertEqual(ended.out.splitlines(), [f"{ONE_ID} 1 {FIRST} 65533"] * 2 + ["65533"], str(ended))

    def test_who_does_not_ask_to_be_root_is_alone(self):
        ended = self.run_box("sh", "-c", MAPS)
        self.assertMaps(ended, f"{UID} {UID} 1")

    def test_a_box_with_a_name_holds_files_of_its_user_alone(self):
        ended = self.run_box("sh", "-c", MAPS, options=("--map-root", "--cow", "--box", "kept"))
        self.assertMaps(ended, ONE_ID)

    def test_without_ranges_the_box_knows_one_user_and_doctor_says_what_to_do(self):
        for users, groups, file in (("", "", "/etc/subuid"), (f"nobody:{FIRST}:10\n", "root:1:1\n", "/etc/subgid")):
            self.give(users, groups)
            self.assertMaps(self.run_as_root(MAPS), ONE_ID)
            finding = self.findings()["subordinate ids"]
            self.assertEqual(finding["state"], "limited")
            self.assertIn(file, finding["meaning"])
            self.assertIn("--add-subuids", finding["remedy"])

    def test_without_newuidmap_the_box_knows_one_user_and_doctor_says_what_to_do(self):
        programs = self.top / "programs"
        programs.mkdir()
        for name in ("sh", "cat", "setpriv"):
            (programs / name).symlink_to(shutil.which(name))
        self.assertMaps(self.run_as_root(MAPS, env={"PATH": str(programs)}), ONE_ID)
        finding = self.findings(env={"PATH": str(programs)})["subordinate ids"]
        self.assertEqual(finding["state"], "limited")
        self.assertIn("newuidmap is not installed", finding["meaning"])
        self.assertIn("uidmap", finding["remedy"])

    def test_where_newuidmap_refuses_the_box_knows_one_user(self):
        self.give(f"nobody:{UID}:10\n")  # which are the user's own already
        self.assertMaps(self.run_as_root(MAPS), ONE_ID)
        self.give(f"nobody:{FIRST}:{COUNT}\n")
        self.become = ("setpriv", "--no-new-privs", *self.become[1:])
        self.assertMaps(self.run_as_root(MAPS), ONE_ID)
        self.assertEqual(self.findings()["subordinate ids"]["state"], "limited")

    def test_doctor_says_that_there_are_further_users(self):
        finding = self.findings()["subordinate ids"]
        self.assertEqual((finding["state"], finding["remedy"]), ("ok", ""), finding)


if __name__ == "__main__":
    serving.in_own_mount_namespace()
    boxed.main()

"""Rules that act: programs and webhooks, with servers that are quick, slow, refusing or gone."""

import http.server
import json
import os
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import boxed  # noqa: E402


class Server:
    """A local HTTP server that answers as `answer(number of the request)` says: a status, or None for never."""

    def __init__(self, case, answer=lambda number: 200):
        self.bodies, self.times, self.headers, self.connections = [], [], [], set()
        self.ended = threading.Event()
        outer, lock = self, threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    outer.times.append(time.monotonic())
                    outer.headers.append(dict(self.headers))
                    outer.connections.add(self.client_address)
                    status = answer(len(outer.times))
                    if status == 200:
                        outer.bodies.append(body)
                if status is None:
                    outer.ended.wait(60)
                    return
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        case.addCleanup(self.end)
        self.url = f"http://127.0.0.1:{self.server.server_port}/events"

    @property
    def events(self):
        return [json.loads(body) for body in self.bodies]

    def end(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@unittest.skipIf(boxed.missing_ground(), boxed.missing_ground())
class Acting(boxed.Case):
    def policy(self, text, wait="100s"):
        """The options of a box with this policy, which waits so long at the end; None: as long as usual."""
        actions = f"[actions]\nwait_at_end = \"{wait}\"\n" if wait else ""
        return ("--policy", self.write("policy.toml", text + actions))

    def on(self, **keys):
        """[[on]] with these keys."""
        return "[[on]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())

    def undelivered(self, ended):
        return [event for event in ended.events if event["verdict"] == "undelivered"]

    def test_a_program_is_run_for_each_event_outside_of_the_box(self):
        script = self.write("notify", f"#!/bin/sh\nread line\necho \"$FUSEBOX_OP $FUSEBOX_PATH $line\" >> {self.outside}/seen\n",
                            mode=0o755)
        ended = self.run_box("sh", "-c", "echo 1 > a; mkdir d; mv a b; rm b; cat /etc/hostname",
                             options=self.policy(self.on(event="write", path=str(self.dir), run=[str(script)])))
        self.assertEnded(ended)
        lines = (self.outside / "seen").read_text().splitlines()
        seen = [line.split(" ")[:2] for line in lines]
        self.assertEqual(sorted(seen), sorted([["create", f"{self.dir}/a"], ["mkdir", f"{self.dir}/d"],
                                               ["rename", f"{self.dir}/a"], ["unlink", f"{self.dir}/b"]]), str(ended))
        event = json.loads(lines[0].split(" ", 2)[2])
        self.assertIn(event, ended.events)
        self.assertIn("4 actions done", ended.err)

    def test_what_it_runs_cannot_be_changed_by_the_box(self):
        script = self.write("work/notify", "#!/bin/sh\n", mode=0o755)
        ended = self.run_box("sh", "-c", f"echo evil >> {script}; mv {script} x; rm -f {script}; touch a",
                             options=self.policy(self.on(event="create", path=str(self.dir), run=[str(script)])))
        self.assertEqual(script.read_text(), "#!/bin/sh\n", str(ended))

    def test_each_word_for_an_event_means_what_it_says(self):
        self.write("work/old")
        command = ("cat old; echo > old; touch new; mv new newer; rm newer; chmod 700 old; ./old; "
                   f"touch {self.outside}/refused")
        (self.dir / "old").chmod(0o755)
        for word, expected in {"read": {"open", "exec"}, "create": {"create"}, "delete": {"unlink"}, "rename": {"rename"},
                               "attributes": {"chmod", "utimes"}, "exec": {"exec"},
                               "write": {"open", "create", "rename", "unlink", "chmod", "utimes", "truncate"}}.items():
            with self.subTest(word):
                server = Server(self)
                self.run_box("sh", "-c", command, options=self.policy(self.on(event=word, path=str(self.dir), webhook=server.url)))
                found = {event["op"] for event in server.events}
                self.assertTrue(found and found <= expected, f"{word}: {found}")
        server = Server(self)
        self.run_box("sh", "-c", command, options=self.policy(self.on(event="denied", path="/**", webhook=server.url)))
        self.assertEqual([(event["op"], event["path"], event["verdict"]) for event in server.events],
                         [("create", f"{self.outside}/refused", "deny")])

    def test_what_acts_is_in_the_log_at_every_level(self):
        for level in ("violations", "files", "all", "io"):
            with self.subTest(level):
                server = Server(self)
                ended = self.run_box("sh", "-c", "echo 1 > a", options=(
                    "--audit", level, *self.policy(self.on(event="write", path=str(self.dir / "a"), webhook=server.url))))
                self.assertTrue(server.events, str(ended))
                for event in server.events:
                    self.assertIn(event, ended.events)
                (self.dir / "a").unlink()

    def test_a_webhook_gets_the_line_of_the_log_as_json(self):
        server = Server(self)
        ended = self.run_box("sh", "-c", "touch a \"$(printf '\\377\"b')\"", options=self.policy(
            self.on(event="create", path=str(self.dir), webhook=server.url)))
        self.assertEnded(ended)
        created = [event for event in ended.events if event["op"] == "create" and event["path"].startswith(str(self.dir))]
        self.assertEqual(sorted(event["seq"] for event in server.events), [event["seq"] for event in created])
        for event in server.events:
            self.assertIn(event, created)
        self.assertEqual(server.headers[0]["Content-Type"], "application/json")

    def test_a_server_that_fails_for_a_while_gets_everything_in_the_end(self):
        server = Server(self, lambda number: 503 if number <= 2 else 200)
        ended = self.run_box("touch", "a", "b", "c", options=self.policy(
            self.on(event="create", path=str(self.dir), webhook=server.url)))
        self.assertEqual(sorted(event["path"][-1] for event in server.events), ["a", "b", "c"], str(ended))
        self.assertEqual(self.undelivered(ended), [])

    def test_a_server_that_is_gone_costs_nothing_and_each_event_is_reported(self):
        rule = self.on(event="create", path=str(self.dir), webhook=f"http://127.0.0.1:{free_port()}/x")
        ended = self.run_box("sh", "-c", "for i in $(seq 300); do : > f$i; done; sleep 1", options=self.policy(rule, wait=None))
        self.assertEnded(ended)
        missed = self.undelivered(ended)
        self.assertEqual(sorted(event["path"] for event in missed), sorted(f"{self.dir}/f{i}" for i in range(1, 301)))
        by_seq = {event["seq"]: event for event in ended.events}
        for event in missed:
            self.assertEqual(by_seq[event["event"]]["path"], event["path"])
            self.assertIn("connect", event["why"])
        self.assertRegex(ended.err, r"Not done  300 of 300 actions")
        self.assertIn("and 293 more", ended.err)
        shown = self.fusebox("log", ended.log_path).stdout
        self.assertIn("undelivered", shown)

    def test_a_server_that_refuses_is_asked_once_for_each_event(self):
        server = Server(self, lambda number: 403)
        ended = self.run_box("touch", "a", "b", options=self.policy(
            self.on(event="create", path=str(self.dir), webhook=server.url)))
        self.assertEqual([event["why"] for event in self.undelivered(ended)], ["the server says 403"] * 2, str(ended))
        self.assertEqual(len(server.times), 2)

    def test_a_server_that_never_answers_holds_up_neither_the_command_nor_its_end(self):
        server = Server(self, lambda number: None)
        ended = self.run_box("sh", "-c", "for i in $(seq 100); do : > f$i; done; sleep 1.5", options=self.policy(
            self.on(event="create", path=str(self.dir), webhook=server.url, time_limit="60m"), wait=None))
        self.assertEqual(len(self.undelivered(ended)), 100, str(ended))
        self.assertEqual({event["why"] for event in self.undelivered(ended)}, {"the server did not keep up"})

    def test_what_a_slow_server_gets_last_is_not_waited_for_and_is_reported(self):
        server = Server(self, lambda number: None)
        ended = self.run_box("touch", "a", "b", options=self.policy(
            self.on(event="create", path=str(self.dir), webhook=server.url, time_limit="60m"), wait=None))
        self.assertEnded(ended)
        self.assertEqual([event["path"][-1] for event in self.undelivered(ended)], ["a", "b"], str(ended))
        for event in self.undelivered(ended):
            self.assertRegex(event["why"], "did not answer in the time after the command .wait_at_end|did not keep up")
        self.assertIn("Not done  2 of 2 actions", ended.err)

    def test_a_server_that_always_fails_is_given_up_at_the_end_and_each_event_is_reported(self):
        server = Server(self, lambda number: 500)
        ended = self.run_box("sh", "-c", "for i in 1 2 3 4 5; do : > f$i; done", options=self.policy(
            self.on(event="create", path=str(self.dir), webhook=server.url), wait=None))
        self.assertEqual(sorted(event["path"][-1] for event in self.undelivered(ended)), ["1", "2", "3", "4", "5"], str(ended))

    def test_the_wait_at_the_end_can_be_set(self):
        server = Server(self, lambda number: None)
        ended = self.run_box("touch", "a", options=self.policy(
            self.on(event="create", path=str(self.dir), webhook=server.url, time_limit="60m"), wait="300ms"))
        self.assertEqual(len(self.undelivered(ended)), 1, str(ended))

    def test_what_is_wrong_with_a_rule_is_said_before_anything_starts(self):
        plain = str(self.write("plain", mode=0o644))
        for text, said in {
            self.on(event="write", path="/", run=["no-such-program-of-fusebox"]): "policy.toml:1:1: run no-such-.*: not found in PATH",
            self.on(event="write", path="/", run=[plain]): f"policy.toml:1:1: run {plain}: Permission denied",
            self.on(event="writ", path="/", run=["true"]): "policy.toml:2:9: unknown event 'writ'",
        }.items():
            with self.subTest(said):
                ended = self.run_box("touch", "started", options=self.policy(text))
                self.assertEqual(ended.status, 125, str(ended))
                self.assertOneLine(ended.err, said)
                self.assertFalse((self.dir / "started").exists())

    def test_when_fusebox_is_killed_what_it_ran_ends_too(self):
        box = self.start_box("sh", "-c", "touch a; sleep 60", options=self.policy(
            self.on(event="create", path=str(self.dir), run=["sleep", "60"])))
        self.assertIsNotNone(boxed.wait_until(lambda: (self.dir / "a").exists(), 60))
        time.sleep(0.5)
        box.kill()  # that nothing is left is checked at the end of each test


if __name__ == "__main__":
    boxed.main()

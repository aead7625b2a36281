"""A script, served at a directory: what the tests of `fusebox script` have in common."""

import contextlib
import http.server
import os
import pathlib
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(__file__))
import boxed  # noqa: E402

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples/ruby"


class Case(boxed.Case):
    def setUp(self):
        super().setUp()
        if reason := boxed.without_scripts():
            self.skipTest(reason)
        self.point = self.top / "point"
        self.point.mkdir()
        self.out, self.err = self.top / "out", self.top / "err"
        self.process = None

    def script(self, text, name="script.rb"):
        """A script of the test's own."""
        path = self.top / name
        path.write_text(text)
        return path

    def serve(self, script, *arguments, options=(), env=None):
        """Serves it on self.point, until the test ends or end() is called."""
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [boxed.BINARY, "script", "--mount", self.point, *options, script, *arguments],
                env={**self.environment, **(env or {})}, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self.addCleanup(self._end, self.process)
        self.addCleanup(subprocess.run, ["umount", "-l", self.point], capture_output=True)
        boxed.wait_until(lambda: self.process.poll() is not None or self.is_mounted(), 20)
        self.assertTrue(self.is_mounted(), self.messages())
        return self.point

    def is_mounted(self):
        return any(f" {self.point} " in line for line in boxed.mount_table())

    def memory(self):
        """What the served script and the process that watches it have for themselves, in KiB."""
        watcher = pathlib.Path(f"/proc/{self.process.pid}")
        host = (watcher / "task" / watcher.name / "children").read_text().split()
        lines = [line for process in (watcher.name, *host) for line in open(f"/proc/{process}/status", encoding="utf-8")]
        sizes = [int(line.split()[1]) for line in lines if line.startswith("RssAnon:")]
        self.assertEqual(len(sizes), 2, "processes")
        return sum(sizes)

    def end(self, how=signal.SIGTERM):
        """Ends it, and gives the exit status."""
        if how is None:
            subprocess.run(["umount", self.point], check=True)
        else:
            self.process.send_signal(how)
        return self.process.wait(20)

    def messages(self):
        return self.err.read_text().splitlines()

    def printed(self):
        return self.out.read_text()

    def sh(self, command):
        return self.run_outside("sh", "-c", command, cwd=self.point, timeout=60)

    def fails_with(self, number, call, *arguments):
        with self.assertRaises(OSError) as raised:
            call(*arguments)
        self.assertEqual(raised.exception.errno, number, raised.exception)


class Answering(http.server.BaseHTTPRequestHandler):
    """Keeps what it was sent; answers with server.answers[path], else with ok."""

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.command, self.path, self.headers.get("Content-Type"), body))
        status, text = self.server.answers.get(self.path, (200, b"ok"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def web_server(answers=None):
    """A local HTTP server; gives it, with its URL in .url and the requests in .requests."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.requests, server.answers = [], answers or {}
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

# SPDX-License-Identifier: Apache-2.0
"""The life of a real process: TLS and new certificates under load, SIGHUP, SIGTERM, inherited sockets.

STORE_BINARY names the program. Certificates are made with the openssl command.
"""
import contextlib
import http.client
import json
import os
import pty
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

BINARY = os.environ["STORE_BINARY"]
EMPTY_CONFIG = ["--import.on_start=false", "--admin.port=0", "--log.format=json"]


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key, self.file = self.path("ca.key"), self.path("ca.pem")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-keyout", self.key, "-out", self.file, "-subj", f"/CN={name}")

    def path(self, name):
        return os.path.join(self.folder, f"{self.name}-{name}")

    def issue(self, to):
        """A certificate for localhost, into `to`.pem and `to`.key; each replaces the old file at once."""
        request = self.path("request.pem")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", to + ".key.new",
            "-out", request, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        run("openssl", "x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial", "-days", "30",
            "-copy_extensions", "copy", "-out", to + ".pem.new")
        os.chmod(to + ".key.new", 0o600)
        os.replace(to + ".key.new", to + ".key")
        os.replace(to + ".pem.new", to + ".pem")


class Program:
    """A started program; `with` ends it."""

    def __init__(self, folder, *settings, environment=None, **options):
        self.folder = folder
        self.log_path = os.path.join(folder, "program.log")
        self.out_path = os.path.join(folder, "program.out")
        self.config = os.path.join(folder, "config")
        os.makedirs(self.config, exist_ok=True)
        command = [BINARY, f"--config={self.config}", f"--database.path={folder}/store.db", *EMPTY_CONFIG, *settings]
        variables = dict(os.environ, **(environment or {}))
        with open(self.log_path, "wb") as log, open(self.out_path, "wb") as out:
            self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                                            start_new_session=True, env=variables, **options)

    def __enter__(self):
        self.wait_for_log('"message":"ready"')
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def lines(self, message):
        """The log lines with this message."""
        return [line for line in map(json.loads, self.log().splitlines()) if line["message"] == message]

    def wait_for_log(self, text):
        self.wait_for(lambda: text in self.log(), text)

    def wait_for(self, condition, what, limit=60):
        end = time.monotonic() + limit
        while not condition():
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}: {self.log()}")
            if time.monotonic() > end:
                raise AssertionError(f"never logged {what}: {self.log()[-3000:]}")
            time.sleep(0.005)

    @property
    def port(self):
        return self.lines("listening")[0]["port"]

    def hang_up(self):
        """SIGHUP, until it has been dealt with."""
        answers = ("configuration read again", "the configuration stays as it was")
        before = sum(self.log().count(answer) for answer in answers)
        self.process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: sum(self.log().count(answer) for answer in answers) > before, "an answer to SIGHUP")


class LifecycleTest(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kit-lifecycle-"))
        self.server = os.path.join(self.folder, "server")

    def tls(self, *settings):
        return Program(self.folder, "--http.port=0", f"--http.tls.certificate={self.server}.pem",
                       f"--http.tls.key={self.server}.key", *settings)

    def connect(self, port, authority):
        context = ssl.create_default_context(cafile=authority.file)
        connection = http.client.HTTPSConnection("localhost", port, timeout=30, context=context)
        self.addCleanup(connection.close)
        return connection

    def plain(self, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.addCleanup(connection.close)
        return connection

    def test_certificates_are_swapped_under_load(self):
        old, new = Authority(self.folder, "old"), Authority(self.folder, "new")
        both = os.path.join(self.folder, "both.pem")
        with open(both, "w", encoding="utf-8") as file:
            for authority in (old, new):
                with open(authority.file, encoding="utf-8") as part:
                    file.write(part.read())
        old.issue(self.server)
        failures, counts, stop = [], [0, 0], threading.Event()

        def load(port, keeps):
            context = ssl.create_default_context(cafile=both)
            connection = None
            while not stop.is_set():
                try:
                    if connection is None:
                        connection = http.client.HTTPSConnection("localhost", port, timeout=30, context=context)
                    connection.request("GET", "/healthz")
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status != 200:
                        failures.append(answer.status)
                    counts[keeps] += 1
                    if not keeps:
                        connection.close()
                        connection = None
                except Exception as error:  # each of them is a request that failed
                    failures.append(repr(error))
                    return

        with self.tls("--http.threads=2") as program:
            self.assertTrue(program.lines("listening")[0]["tls"])
            threads = [threading.Thread(target=load, args=(program.port, keeps)) for keeps in (0, 0, 1, 1)]
            for thread in threads:
                thread.start()
            kept = self.connect(program.port, old)
            kept.request("GET", "/healthz")
            self.assertIn(b"alive", kept.getresponse().read())
            for authority in (new, old, new):
                authority.issue(self.server)
                before = list(counts)
                program.hang_up()
                fresh = self.connect(program.port, authority)  # trusts that one only
                fresh.request("GET", "/healthz")
                self.assertEqual(fresh.getresponse().status, 200)
                fresh.close()
                end = time.monotonic() + 30
                while not all(now > then for now, then in zip(counts, before)) and time.monotonic() < end:
                    time.sleep(0.005)
            with self.assertRaises(ssl.SSLCertVerificationError):
                self.connect(program.port, old).connect()
            kept.request("GET", "/healthz")  # on the connection from before all of this
            self.assertEqual(kept.getresponse().status, 200)
            stop.set()
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [])
            self.assertGreater(min(counts), 0)

    def test_a_bad_certificate_changes_nothing(self):
        authority = Authority(self.folder, "authority")
        authority.issue(self.server)
        with self.tls() as program:
            os.chmod(self.server + ".key", 0o644)
            program.hang_up()
            self.assertIn("chmod 600", program.lines("the configuration stays as it was")[0]["error"])
            connection = self.connect(program.port, authority)
            connection.request("GET", "/healthz")
            self.assertEqual(connection.getresponse().status, 200)

    def test_a_bad_certificate_is_refused_at_the_start(self):
        Authority(self.folder, "authority").issue(self.server)
        os.chmod(self.server + ".key", 0o640)
        program = self.tls()
        self.assertEqual(program.process.wait(30), 2)
        self.assertIn("chmod 600 " + self.server + ".key", program.log())
        self.assertFalse(os.path.exists(os.path.join(self.folder, "store.db")), "the database was not touched")

    def test_openssl_and_old_clients(self):
        authority = Authority(self.folder, "authority")
        authority.issue(self.server)

        def client(port, *options):
            done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-CAfile",
                                   authority.file, "-verify_return_error", *options],
                                  input=b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", timeout=30,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            return done.stdout.decode(errors="replace")

        with self.tls() as program:
            text = client(program.port, "-ign_eof", "-alpn", "http/1.1")
            self.assertIn("HTTP/1.1 200", text)
            self.assertIn("TLSv1.3", text)
            self.assertIn("ALPN protocol: http/1.1", text)
            self.assertIn("Verify return code: 0 (ok)", text)
            self.assertNotIn("HTTP/1.1", client(program.port, "-ign_eof", "-tls1_2"))
            self.assertIn("ALPN protocol: h2", client(program.port, "-alpn", "h2,http/1.1"))
            answer = subprocess.run(["curl", "-si", "--http2", "--cacert", authority.file, "--resolve", f"localhost:{program.port}:127.0.0.1",
                                     f"https://localhost:{program.port}/healthz"], timeout=30, stdout=subprocess.PIPE, check=True)
            self.assertTrue(answer.stdout.startswith(b"HTTP/2 200"), answer.stdout)
        with self.tls("--http.tls.min_version=1.2") as program:
            text = client(program.port, "-ign_eof", "-tls1_2")
            self.assertIn("HTTP/1.1 200", text)
            self.assertRegex(text, "Cipher is ECDHE-ECDSA-(AES|CHACHA)")

    def test_records_of_every_size(self):
        authority = Authority(self.folder, "authority")
        authority.issue(self.server)
        context = ssl.create_default_context(cafile=authority.file)

        def connect(port):
            raw = socket.create_connection(("127.0.0.1", port), timeout=30)
            encrypted = context.wrap_socket(raw, server_hostname="localhost")
            self.addCleanup(encrypted.close)
            return encrypted

        def answer_in(stream):
            head, body = b"", b""
            while not head.endswith(b"\r\n\r\n"):
                byte = stream.read(1)
                self.assertTrue(byte, "the connection ended: " + repr(head))
                head += byte
            length = int(re.search(rb"Content-Length: (\d+)", head).group(1))
            while len(body) < length:
                part = stream.read(length - len(body))
                self.assertTrue(part)
                body += part
            return head, body

        with self.tls() as program:
            # Many requests in one record, and more than fit in one.
            for count in (2, 100, 1000):
                with connect(program.port) as client, client.makefile("rb") as stream:
                    client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * count)
                    for _ in range(count):
                        self.assertTrue(answer_in(stream)[0].startswith(b"HTTP/1.1 200 "))
            # A request in a hundred records.
            with connect(program.port) as client, client.makefile("rb") as stream:
                for _ in range(2):
                    for byte in b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Padding: " + b"x" * 60 + b"\r\n\r\n":
                        client.sendall(bytes([byte]))
                    self.assertTrue(answer_in(stream)[0].startswith(b"HTTP/1.1 200 "))
            page = self.connect(program.port, authority)
            page.request("GET", "/docs")
            bundle = re.search(rb'src="([^"]*swagger-ui-bundle\.js)"', page.getresponse().read()).group(1)
            # A large answer to a client that is slow to take it: the kernel's buffers are full meanwhile.
            with connect(program.port) as client, client.makefile("rb") as stream:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
                client.sendall(b"GET " + bundle + b" HTTP/1.1\r\nHost: a\r\nAccept-Encoding: identity\r\n\r\n"
                               b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                head, body = answer_in(stream)
                self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
                self.assertGreater(len(body), 300_000)
                self.assertTrue(answer_in(stream)[0].startswith(b"HTTP/1.1 200 "))
            # A body of many records.
            with connect(program.port) as client, client.makefile("rb") as stream:
                body = json.dumps({"name": "x" * 200_000}).encode()
                client.sendall(b"POST /api/v1/genres HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                               b"Content-Length: %d\r\n\r\n" % len(body) + body)
                self.assertTrue(answer_in(stream)[0].startswith(b"HTTP/1.1 400 "), "the name is too long, and was read")

    def test_settings_that_can_change_do(self):
        with Program(self.folder, "--http.port=0") as program:
            with open(os.path.join(program.config, "base.yaml"), "w", encoding="utf-8") as file:
                file.write("log: {level: debug}\nhttp: {idle_timeout: 7s}\n")
            program.hang_up()
            self.assertEqual(program.lines("configuration read again")[0]["changed"], "log.level")
            self.assertEqual(program.lines("changed settings need a restart")[0]["keys"], "http.idle_timeout")
            with open(os.path.join(program.config, "base.yaml"), "w", encoding="utf-8") as file:
                file.write("log: {level: loud}\n")
            program.hang_up()
            self.assertIn("log.level", program.lines("the configuration stays as it was")[0]["error"])

    def test_a_request_in_flight_ends_well(self):
        authority = Authority(self.folder, "authority")
        authority.issue(self.server)
        with self.tls("--app.drain_interval=300ms") as program:
            context = ssl.create_default_context(cafile=authority.file)
            raw = socket.create_connection(("127.0.0.1", program.port), timeout=30)
            busy = context.wrap_socket(raw, server_hostname="localhost")
            self.addCleanup(busy.close)
            body = b'{"name":"Late"}'
            busy.sendall(b"POST /api/v1/genres HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(body) + body[:4])
            program.process.send_signal(signal.SIGTERM)
            program.wait_for_log('"message":"stopping"')
            end = time.monotonic() + 30
            while time.monotonic() < end:  # until nobody listens any more
                try:
                    socket.create_connection(("127.0.0.1", program.port), timeout=5).close()
                except ConnectionError:
                    break
                time.sleep(0.01)
            busy.sendall(body[4:])
            received = b""
            while part := busy.recv(65536):
                received += part
            self.assertTrue(received.startswith(b"HTTP/1.1 201 "), received)
            self.assertEqual(program.process.wait(30), 0)

    def test_unready_first_and_the_listener_later(self):
        with Program(self.folder, "--http.port=0", "--app.drain_interval=60s") as program:
            program.process.send_signal(signal.SIGTERM)
            program.wait_for_log('"message":"stopping"')
            connection = self.plain(program.port)
            connection.request("GET", "/readyz")
            self.assertEqual(connection.getresponse().status, 503)
            program.process.send_signal(signal.SIGTERM)  # a second one ends at once
            self.assertEqual(program.process.wait(30), 128 + signal.SIGTERM)

    def test_inherited_sockets(self):
        listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        ports = [each.getsockname()[1] for each in listening]
        # LISTEN_PID is the program's own: a shell knows it, and becomes the program.
        script = 'export LISTEN_PID=$$; exec "$0" "$@"'
        command = ["/bin/sh", "-c", script, BINARY, f"--config={self.folder}", f"--database.path={self.folder}/store.db",
                   "--import.on_start=false", "--log.format=json", "--app.drain_interval=0"]
        log_path = os.path.join(self.folder, "program.log")
        source = [os.dup(each.fileno()) for each in listening]

        def place():
            high = [os.dup2(number, 50 + i) for i, number in enumerate(source)]
            for i, number in enumerate(high):
                os.dup2(number, 3 + i)

        with open(log_path, "wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                                       preexec_fn=place, close_fds=False,
                                       env=dict(os.environ, LISTEN_FDS="2", LISTEN_FDNAMES="http:admin"))
        try:
            connection = self.plain(ports[0])
            connection.request("GET", "/healthz")  # waits in the queue until the program accepts
            self.assertEqual(connection.getresponse().status, 200)
            metrics = self.plain(ports[1])
            metrics.request("GET", "/metrics")
            self.assertIn(b"http_server_requests_total", metrics.getresponse().read())
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(30), 0)
            # The sockets are the manager's: what comes between two programs waits for the next.
            socket.create_connection(("127.0.0.1", ports[0]), timeout=5).close()
        finally:
            process.kill()
            process.wait()
            for number in source:
                os.close(number)
            for each in listening:
                each.close()

    def test_a_unix_socket(self):
        path = os.path.join(self.folder, "store.sock")
        for _ in range(2):  # the second one finds what the first, killed, left behind
            with Program(self.folder, f"--http.address=unix:{path}", "--http.unix_mode=0600") as program:
                self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
                client = socket.socket(socket.AF_UNIX)
                client.connect(path)
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 200 "))
                client.close()
                program.process.kill()
                program.process.wait()
                self.assertTrue(os.path.exists(path))

    def test_a_closed_terminal_ends_it(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execv(BINARY, [BINARY, f"--config={self.folder}", f"--database.path={self.folder}/store.db", "--http.port=0",
                              *EMPTY_CONFIG])
        text = b""
        while b"listening at" not in text:
            text += os.read(terminal, 4096)
        os.close(terminal)
        end = time.monotonic() + 30
        ended, status = 0, 0
        while ended == 0 and time.monotonic() < end:
            ended, status = os.waitpid(pid, os.WNOHANG)
            time.sleep(0.01)
        if ended == 0:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self.assertEqual(ended, pid, "it went on without its terminal")
        self.assertEqual(os.waitstatus_to_exitcode(status), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)

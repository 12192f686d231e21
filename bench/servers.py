# SPDX-License-Identifier: Apache-2.0
"""The servers that are compared: how each is started, found ready and ended."""
import base64
import hashlib
import hmac
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SERVER_CPU, LOAD_CPU = "0", "1"
DESCRIPTORS = 20000
# Where Debian has the sources of Go packages.
GO_SOURCES = "/usr/share/gocode"
BODY = '{"id":42,"name":"user-42","email":"user-42@example.com","status":"active"}'


class BenchError(Exception):
    """The comparison could not be made."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def allow_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))


class Server:
    """A running server; `with` ends it."""

    def __init__(self, name, command, port, path="/", folder=None, pinned=True, log=subprocess.DEVNULL):
        self.name, self.port, self.path = name, port, path
        pin = ["taskset", "-c", SERVER_CPU] if pinned else []
        self.started = time.monotonic()
        self.process = subprocess.Popen(pin + command, cwd=folder, stdout=subprocess.DEVNULL, stderr=log,
                                        preexec_fn=allow_descriptors, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def status(self):
        """The status of one request, or None when the server does not answer."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
                connection.sendall(f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                head = connection.recv(4096)
                return int(head.split(b" ", 2)[1]) if head else None
        except (OSError, IndexError, ValueError):
            return None

    def wait_ready(self, limit=60, pause=0.002):
        """Seconds from the start of the process to its first 200."""
        while time.monotonic() - self.started < limit:
            if self.process.poll() is not None:
                raise BenchError(f"{self.name} ended with status {self.process.returncode}")
            if self.status() == 200:
                return time.monotonic() - self.started
            time.sleep(pause)
        raise BenchError(f"{self.name} gave no 200 for {self.path} in {limit} s")

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


def build_go(scratch, name):
    """The program of bench/<name>/main.go, from what Debian has: no module is fetched."""
    compiler = next((path for path in ("/usr/bin/go", shutil.which("go")) if path and os.path.exists(path)), None)
    if compiler is None:
        raise BenchError("go is missing: tools/setup.sh bench installs it and the packages of the peers")
    program = os.path.join(scratch, name)
    settings = {**os.environ, "GO111MODULE": "off", "GOPATH": GO_SOURCES, "GOFLAGS": ""}
    if "HOME" not in settings:
        settings.setdefault("GOCACHE", os.path.join(scratch, "go-cache"))
    done = subprocess.run([compiler, "build", "-o", program, os.path.join(ROOT, f"bench/{name}/main.go")], env=settings,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise BenchError(f"the Go peer {name} was not built:\n{done.stdout[-2000:]}")
    return program


def hs256_token(secret, claims):
    """A JSON Web Token as an issuer would make it."""
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    text = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + b"." + part(json.dumps(claims).encode())
    return (text + b"." + part(hmac.new(secret.encode(), text, hashlib.sha256).digest())).decode()


class Programs:
    """Where the built programs are, and a folder for what they write."""

    def __init__(self, build, scratch):
        self.build, self.scratch = os.path.abspath(build), scratch
        self.store = os.path.join(self.build, "examples/store/store")
        for path in [self.store] + [self.tool(name) for name in ("raw_epoll", "load", "hold", "bare_server", "bundle_server")]:
            if not os.path.exists(path):
                raise BenchError(f"{path} is missing: build first (make bench does)")

    def tool(self, name):
        return os.path.join(self.build, "bench", "bench_" + name)

    def raw(self):
        port = free_port()
        return Server("raw epoll", [self.tool("raw_epoll"), str(port)], port)

    def bare(self, wrapper=()):
        port = free_port()
        return Server("bare route", [*wrapper, self.tool("bare_server"), str(port)], port)

    def bundle(self, parts, secret, wrapper=()):
        """The bare route behind these parts of the bundle; its log goes to a file, as a service's does."""
        port = free_port()
        with open(os.path.join(self.scratch, "bundle.log"), "wb") as log:
            return Server("full bundle", [*wrapper, self.tool("bundle_server"), str(port), secret, ",".join(parts)], port, "/ready", log=log)

    def nginx(self):
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        if not os.path.exists(binary):
            raise BenchError("nginx is missing: apt-get install nginx-light")
        port, folder = free_port(), os.path.join(self.scratch, "nginx")
        os.makedirs(folder, exist_ok=True)
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w") as out:
            out.write(f"worker_processes 1;\ndaemon off;\npid {folder}/pid;\nerror_log stderr crit;\n"
                      "events { worker_connections 16384; }\n"
                      f"http {{\naccess_log off;\nkeepalive_requests 1000000000;\n{temporary}"
                      f"server {{ listen 127.0.0.1:{port}; default_type application/json;\n"
                      f"location / {{ return 200 '{BODY}'; }} }} }}\n")
        return Server("nginx", [binary, "-e", "stderr", "-p", folder, "-c", config], port)

    def store_command(self, port, *settings):
        """The example as it is configured, with a database and port of its own."""
        return [self.store, f"--http.port={port}", "--admin.port=0", f"--database.path={self.scratch}/store.db",
                "--log.format=json", *settings]

    def store_server(self, wrapper=(), settings=(), pinned=True):
        # One thread, as the others have one; a connection may serve a whole run. Everything else is the example's default:
        # router, access log (to a file), counters, limits, SQLite with synchronous=full.
        port = free_port()
        log = open(os.path.join(self.scratch, "store.log"), "wb")
        with log:
            return Server("store", [*wrapper, *self.store_command(port, *settings)], port, "/api/v1/tracks/1666",
                          folder=os.path.join(ROOT, "examples/store"), pinned=pinned, log=log)


ONE_THREAD = ("--http.threads=1", "--http.requests_per_connection=1000000000")

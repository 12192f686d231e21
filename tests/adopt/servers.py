# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL and MariaDB for the length of a test: in a temporary folder, on the loopback address and a socket, as a user
without rights when the test runs as root (both refuse root). Each is ended by its process id."""
import glob
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PASSWORD = "se/cr@t?1"  # so that a URL has to spell it
USER = "nobody"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fast_folder():
    """Where files are made and synced in no time: memory, when there is plenty of it."""
    memory = "/dev/shm"
    return memory if os.path.isdir(memory) and shutil.disk_usage(memory).free > 2**31 else None


def program(name, *folders):
    """The path of a server's program, newest version first."""
    found = [path for folder in folders for path in sorted(glob.glob(f"{folder}/{name}"), reverse=True)]
    return found[0] if found else shutil.which(name)


class Server:
    """`with` starts it and ends it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kit-server-", dir=fast_folder()))
        self.port = free_port()
        self.process = None
        self.as_user = {"user": USER, "group": "nogroup"} if os.geteuid() == 0 else {}
        if self.as_user:
            self.folder.chmod(0o755)
            shutil.chown(self.folder, USER, "nogroup")
        self.log = self.folder / "log"

    def run(self, command, text=None, **options):
        """A command as the server's user; its output."""
        result = subprocess.run([str(word) for word in command], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                cwd=self.folder, **self.as_user, **options)
        if result.returncode:
            raise SystemExit(f"{command[0]}: exit {result.returncode}\n{result.stdout[-3000:]}")
        return result.stdout

    def start(self, command):
        self.command = command
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log, cwd=self.folder, **self.as_user)
        end = time.monotonic() + 60
        while not self.is_ready():
            if self.process.poll() is not None:
                raise SystemExit(f"{command[0]} ended with {self.process.returncode}\n{self.log.read_text()[-3000:]}")
            if time.monotonic() > end:
                raise SystemExit(f"{command[0]} is not ready\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)  # polls until the server is ready

    def __enter__(self):
        try:
            self.set_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Server):
    stop_signal = signal.SIGINT  # ends sessions and stops

    def set_up(self):
        initdb = program("initdb", "/usr/lib/postgresql/*/bin")
        if not initdb:
            raise SystemExit("PostgreSQL is missing: apt-get install postgresql-15")
        binaries = pathlib.Path(initdb).resolve().parent
        (self.folder / "password").write_text(PASSWORD)
        (self.folder / "password").chmod(0o644)
        self.run([initdb, "-D", self.folder / "data", "-U", "kit", "-A", "scram-sha-256", f"--pwfile={self.folder}/password",
                  "-E", "UTF8", "--locale=C", "--no-sync"])
        self.start([binaries / "postgres", "-D", self.folder / "data", "-k", self.folder, "-p", self.port, "-c", "listen_addresses=127.0.0.1",
                    "-c", "fsync=off"])

    def psql(self, sql, database="postgres"):
        return self.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p", self.port, "-U", "kit", database], sql,
                        env={**os.environ, "PGPASSWORD": PASSWORD})

    def is_ready(self):
        return subprocess.run(["pg_isready", "-q", "-h", str(self.folder), "-p", str(self.port)]).returncode == 0

    def load(self, database, sql):
        self.psql(f'CREATE DATABASE "{database}"')
        self.psql(sql, database)

    def url(self, database, password="se%2Fcr%40t%3F1"):
        return f"postgresql://kit:{password}@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database):
        return f"postgresql://kit@/{database}?host={self.folder}&port={self.port}"


class MariaDb(Server):
    stop_signal = signal.SIGTERM

    def set_up(self):
        install = program("mariadb-install-db")
        server = program("mariadbd", "/usr/sbin")
        if not install or not server:
            raise SystemExit("MariaDB is missing: apt-get install mariadb-server")
        self.run([install, "--no-defaults", f"--datadir={self.folder}/data", "--auth-root-authentication-method=normal", "--skip-test-db"])
        self.start([server, "--no-defaults", f"--datadir={self.folder}/data", f"--socket={self.folder}/socket", f"--port={self.port}",
                    "--bind-address=127.0.0.1", f"--pid-file={self.folder}/pid", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=2",
                    "--innodb-flush-method=nosync", *self.make_certificate()])
        self.sql(f"CREATE USER kit@localhost IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO kit@localhost WITH GRANT OPTION; "
                 f"CREATE USER kit@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO kit@'127.0.0.1' WITH GRANT OPTION;")

    def make_certificate(self):
        """An authority and a certificate for 127.0.0.1; the server's arguments for them."""
        if not shutil.which("openssl"):
            return []
        common = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        self.run([*common, "-subj", "/CN=kit test authority", "-keyout", "ca.key", "-out", "ca.pem"])
        self.run([*common, "-subj", "/CN=kit test server", "-addext", "subjectAltName=IP:127.0.0.1", "-addext",
                  "basicConstraints=critical,CA:FALSE", "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem"])
        return [f"--ssl-cert={self.folder}/server.pem", f"--ssl-key={self.folder}/server.key"]

    def sql(self, text, *database):
        return self.run(["mariadb", "--no-defaults", f"--socket={self.folder}/socket", "-u", "root", *database], text)

    def is_ready(self):
        return subprocess.run(["mariadb-admin", "--no-defaults", f"--socket={self.folder}/socket", "-u", "root", "ping"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def load(self, database, sql):
        self.sql(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4")
        self.sql(sql, database)

    def url(self, database, password="se%2Fcr%40t%3F1"):
        return f"mysql://kit:{password}@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database):
        return f"mysql://kit@/{database}?socket={self.folder}/socket"

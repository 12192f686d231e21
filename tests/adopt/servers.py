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
import sys
import tempfile
import time

PASSWORD = "se/cr@t?1"  # so that a URL has to spell it
USER = "nobody"
CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}


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


def scratch():
    """A folder for the length of a `with`."""
    return tempfile.TemporaryDirectory(prefix="kit-server-")


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

    def make_certificate(self):
        """ca.pem, and server.pem and server.key for 127.0.0.1, not for localhost; whether openssl is there to make them."""
        if not shutil.which("openssl"):
            return False
        common = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        self.run([*common, "-subj", "/CN=kit test authority", "-keyout", "ca.key", "-out", "ca.pem"])
        self.run([*common, "-subj", "/CN=kit test server", "-addext", "subjectAltName=IP:127.0.0.1", "-addext",
                  "basicConstraints=critical,CA:FALSE", "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem"])
        return True

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
        elif self.process is not None and -self.process.returncode in CRASHES:
            # What a test says of it then is about a server that is gone.
            print(f"{self.command[0]} itself crashed with signal {-self.process.returncode}:\n{self.log.read_text(errors='replace')[-3000:]}", file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Server):
    stop_signal = signal.SIGINT  # ends sessions and stops

    def binaries(self):
        initdb = program("initdb", "/usr/lib/postgresql/*/bin")
        if not initdb:
            raise SystemExit("PostgreSQL is missing: apt-get install postgresql-15")
        return pathlib.Path(initdb).resolve().parent

    def set_up(self):
        (self.folder / "password").write_text(PASSWORD)
        (self.folder / "password").chmod(0o644)
        self.run([self.binaries() / "initdb", "-D", self.folder / "data", "-U", "kit", "-A", "scram-sha-256", f"--pwfile={self.folder}/password",
                  "-E", "UTF8", "--locale=C", "--no-sync"])
        self.serve()

    def serve(self):
        self.start([self.binaries() / "postgres", "-D", self.folder / "data", "-k", self.folder, "-p", self.port, "-c", "listen_addresses=127.0.0.1",
                    "-c", "fsync=off", *self.tls_arguments()])

    def freeze(self):
        """Every process of it stops where it is, until the end of the test."""
        self.frozen = [self.process.pid, *(int(child) for child in pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
                                           .read_text().split())]
        for process in self.frozen:
            os.kill(process, signal.SIGSTOP)

    def __exit__(self, *_):
        for process in getattr(self, "frozen", []):
            os.kill(process, signal.SIGCONT)
        super().__exit__()

    def tls_arguments(self):
        if not self.make_certificate():
            return []
        return ["-c", "ssl=on", "-c", f"ssl_cert_file={self.folder}/server.pem", "-c", f"ssl_key_file={self.folder}/server.key"]

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


class PostgresStandby(Postgres):
    """A copy of a primary that follows it until it is promoted."""

    def __init__(self, primary):
        super().__init__()
        self.primary = primary

    def set_up(self):
        self.run(["pg_basebackup", "-D", self.folder / "data", "-R", "-X", "stream", "-c", "fast", "--no-sync", "-h", self.primary.folder,
                  "-p", self.primary.port, "-U", "kit"], env={**os.environ, "PGPASSWORD": PASSWORD})
        self.serve()

    def promote(self):
        self.run([self.binaries() / "pg_ctl", "promote", "-D", self.folder / "data", "-w"])

    def stop_receiving(self):
        """Follows no more, and the primary does not wait for it."""
        self.psql("ALTER SYSTEM SET primary_conninfo = ''")
        self.psql("SELECT pg_reload_conf()")


class PgBouncer(Server):
    """In transaction mode, in front of a PostgreSQL server that is started before."""
    stop_signal = signal.SIGINT

    def __init__(self, behind):
        super().__init__()
        self.behind = behind

    def set_up(self):
        bouncer = program("pgbouncer", "/usr/sbin")
        if not bouncer:
            raise SystemExit("pgbouncer is missing: apt-get install pgbouncer")
        self.run(["tee", "users"], f'"kit" "{PASSWORD}"\n')
        # Quick to see that the server went and that it is back: the defaults wait for it longer than a test does.
        self.run(["tee", "pgbouncer.ini"], "[databases]\n"
                 f"* = host=127.0.0.1 port={self.behind.port}\n"
                 "[pgbouncer]\n"
                 f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
                 "auth_type = scram-sha-256\nauth_file = users\npool_mode = transaction\n"
                 "max_client_conn = 500\ndefault_pool_size = 30\nserver_login_retry = 1\nquery_wait_timeout = 3\n")
        self.start([bouncer, "pgbouncer.ini"])

    def is_ready(self):
        return subprocess.run(["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0

    def url(self, database):
        return f"postgresql://kit:se%2Fcr%40t%3F1@127.0.0.1:{self.port}/{database}"


class MariaDb(Server):
    stop_signal = signal.SIGTERM

    def set_up(self):
        install = program("mariadb-install-db")
        server = program("mariadbd", "/usr/sbin")
        if not install or not server:
            raise SystemExit("MariaDB is missing: apt-get install mariadb-server")
        # A server that starts deletes the temporary tables that it finds, those of other servers too: each has a place of its own.
        self.run(["mkdir", "tmp"])
        self.run([install, "--no-defaults", f"--datadir={self.folder}/data", "--auth-root-authentication-method=normal", "--skip-test-db"],
                 env={**os.environ, "TMPDIR": f"{self.folder}/tmp"})
        self.start([server, "--no-defaults", f"--datadir={self.folder}/data", f"--socket={self.folder}/socket", f"--port={self.port}", f"--tmpdir={self.folder}/tmp",
                    "--bind-address=127.0.0.1", f"--pid-file={self.folder}/pid", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=2",
                    "--innodb-flush-method=nosync", *self.tls_arguments()])
        self.sql(f"CREATE USER kit@localhost IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO kit@localhost WITH GRANT OPTION; "
                 f"CREATE USER kit@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO kit@'127.0.0.1' WITH GRANT OPTION;")

    def tls_arguments(self):
        return [f"--ssl-cert={self.folder}/server.pem", f"--ssl-key={self.folder}/server.key"] if self.make_certificate() else []

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

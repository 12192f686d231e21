# SPDX-License-Identifier: Apache-2.0
"""Redis for the length of a test: one server, one with TLS, three Sentinels with a primary and replicas, or a cluster. In a
temporary folder, on the loopback address, as a user without rights when the test runs as root. Each process is ended by its id."""
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "adopt"))
import servers  # noqa: E402

PASSWORD = servers.PASSWORD
URL_PASSWORD = "se%2Fcr%40t%3F1"


def cluster_port():
    """A free port whose bus port, 10000 above, is free too."""
    while True:
        port = servers.free_port()
        if port > 55_000:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
        return port


class Redis(servers.Server):
    """One server. `tls`: only with TLS; `password`: of the default user; `arguments`: more of them."""

    stop_signal = signal.SIGTERM

    def __init__(self, *arguments, tls=False, password=None, port=None, program="redis-server"):
        super().__init__()
        self.port = port or self.port
        self.arguments = arguments
        self.tls = tls
        self.password = password
        self.program = program

    def set_up(self):
        if not shutil.which(self.program):
            raise SystemExit(f"{self.program} is missing: apt-get install redis-server")
        command = [self.program, "--bind", "127.0.0.1", "--dir", self.folder, "--save", "", "--unixsocket", self.folder / "socket",
                   "--enable-debug-command", "yes"]
        if self.tls:
            self.make_certificate()
            command += ["--port", 0, "--tls-port", self.port, "--tls-cert-file", self.folder / "server.pem", "--tls-key-file",
                        self.folder / "server.key", "--tls-ca-cert-file", self.folder / "ca.pem", "--tls-auth-clients", "no"]
        else:
            command += ["--port", self.port]
        if self.password:
            command += ["--requirepass", self.password, "--masterauth", self.password]
        self.start([*command, *self.arguments])

    def make_certificate(self):
        """An authority and a certificate for 127.0.0.1."""
        common = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        self.run([*common, "-subj", "/CN=kit test authority", "-keyout", "ca.key", "-out", "ca.pem"])
        self.run([*common, "-subj", "/CN=kit test server", "-addext", "subjectAltName=IP:127.0.0.1", "-addext",
                  "basicConstraints=critical,CA:FALSE", "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem"])

    def cli(self, *words, check=True):
        """What redis-cli prints."""
        command = ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port)]
        if self.tls:
            command += ["--tls", "--cacert", str(self.folder / "ca.pem")]
        if self.password:
            command += ["--no-auth-warning", "-a", self.password]
        result = subprocess.run([*command, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if check and result.returncode:
            raise SystemExit(f"redis-cli {words[0]}: {result.stdout}")
        return result.stdout.strip()

    def is_ready(self):
        return self.cli("PING", check=False) == "PONG"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def start_again(self):
        self.start(self.command)

    def __exit__(self, *arguments):
        if self.process is not None and self.process.poll() is None:
            self.go_on()
        super().__exit__(*arguments)

    def url(self, database=0):
        login = f":{URL_PASSWORD}@" if self.password else ""
        query = f"?ssl-ca={self.folder}/ca.pem" if self.tls else ""
        return f"redis{'s' if self.tls else ''}://{login}127.0.0.1:{self.port}/{database}{query}"

    def socket_url(self, database=0):
        login = f":{URL_PASSWORD}@" if self.password else ""
        return f"redis+unix://{login}{self.folder}/socket?db={database}"


def until(condition, seconds, what):
    """Polls until `condition()` holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(0.05)  # polls


class Group:
    """Several servers that start and end together."""

    def __init__(self):
        self.servers = []

    def add(self, server):
        self.servers.append(server)
        return server.__enter__()

    def __enter__(self):
        try:
            self.set_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for server in reversed(self.servers):
            server.__exit__()

    def at(self, port):
        return next(server for server in self.servers if server.port == int(port))


class Cluster(Group):
    """Three primaries with a replica each; a dead node is noticed after `node_timeout_ms`."""

    def __init__(self, nodes=6, node_timeout_ms=2000):
        super().__init__()
        self.nodes = nodes
        self.node_timeout_ms = node_timeout_ms

    def set_up(self):
        for _ in range(self.nodes):
            self.add(Redis("--cluster-enabled", "yes", "--cluster-node-timeout", str(self.node_timeout_ms), "--appendonly", "no",
                           "--repl-diskless-sync-delay", "0", port=cluster_port()))
        places = [f"127.0.0.1:{server.port}" for server in self.servers]
        result = subprocess.run(["redis-cli", "--cluster", "create", *places, "--cluster-replicas", "1", "--cluster-yes"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode:
            raise SystemExit(f"redis-cli --cluster create: {result.stdout[-3000:]}")
        until(self.is_ready, 60, "every node says that the cluster is complete")

    def is_ready(self):
        return all("cluster_state:ok" in server.cli("CLUSTER", "INFO") for server in self.servers) and all(
            "master_link_status:up" in server.cli("INFO", "replication") for server in self.servers if not self.is_primary(server))

    @staticmethod
    def is_primary(server):
        return server.cli("ROLE").startswith("master")

    def primaries(self):
        return [server for server in self.servers if server.process.poll() is None and self.is_primary(server)]

    def primary_of(self, key):
        """The server that has the key's slot, as a living one says."""
        slot = int(next(s for s in self.servers if s.process.poll() is None).cli("CLUSTER", "KEYSLOT", key))
        for server in self.primaries():
            for line in server.cli("CLUSTER", "NODES").splitlines():
                fields = line.split()
                if "myself" in fields[2]:
                    ranges = [tuple(map(int, (part + "-" + part).split("-")[:2])) for part in fields[8:] if not part.startswith("[")]
                    if any(first <= slot <= last for first, last in ranges):
                        return server
        raise SystemExit(f"nobody has slot {slot}")

    def url(self):
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)


class Sentinels(Group):
    """A primary with two replicas, and three Sentinels that look after them as `name`."""

    def __init__(self, name="store", down_after_ms=1000):
        super().__init__()
        self.name = name
        self.down_after_ms = down_after_ms
        self.sentinels = []

    def set_up(self):
        first = self.add(Redis("--repl-diskless-sync-delay", "0"))
        for _ in range(2):
            self.add(Redis("--replicaof", f"127.0.0.1 {first.port}", "--repl-diskless-sync-delay", "0"))
        for _ in range(3):
            sentinel = Redis(program="redis-server")
            file = sentinel.folder / "sentinel.conf"
            file.write_text(f"port {sentinel.port}\nbind 127.0.0.1\ndir {sentinel.folder}\n"
                            f"sentinel monitor {self.name} 127.0.0.1 {first.port} 2\n"
                            f"sentinel down-after-milliseconds {self.name} {self.down_after_ms}\n"
                            f"sentinel failover-timeout {self.name} 5000\n")
            if sentinel.as_user:
                shutil.chown(file, servers.USER, "nogroup")
            self.servers.append(sentinel)
            self.sentinels.append(sentinel)
            sentinel.start(["redis-server", file, "--sentinel"])
        until(self.is_ready, 60, "every Sentinel knows the others and the replicas")

    def is_ready(self):
        def number(sentinel, field):
            words = sentinel.cli("SENTINEL", "MASTER", self.name).splitlines()
            return int(words[words.index(field) + 1])
        return all(number(s, "num-slaves") == 2 and number(s, "num-other-sentinels") == 2 for s in self.sentinels)

    def primary(self):
        """As the first Sentinel says."""
        return self.at(self.sentinels[0].cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name).splitlines()[1])

    def url(self):
        return "redis+sentinel://" + ",".join(f"127.0.0.1:{s.port}" for s in self.sentinels) + f"/{self.name}/0"

# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the store while it writes to a PostgreSQL or MariaDB of its own."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "adopt"))
import servers  # noqa: E402
from load import Failure, Load, check_rows  # noqa: E402

NAMES = {"postgres": "PostgreSQL", "mariadb": "MariaDB"}


class Database:
    """The server, and a look at what is in it that does not go through the store."""

    def __init__(self, kind):
        self.kind = kind
        self.server = {"postgres": servers.Postgres, "mariadb": servers.MariaDb}[kind]()

    def __enter__(self):
        self.server.__enter__()
        self.server.load("store", "SELECT 1;")
        return self

    def __exit__(self, *how):
        self.server.__exit__(*how)

    def url(self):
        return self.server.url("store")

    def lines(self, sql):
        if self.kind == "postgres":
            text = self.server.psql(f"COPY ({sql}) TO STDOUT", "store")
        else:
            text = self.server.run(["mariadb", "--no-defaults", f"--socket={self.server.folder}/socket", "-u", "root", "--batch",
                                    "--skip-column-names", "store"], sql)
        return [line.split("\t") for line in text.splitlines()]

    def rows(self):
        return [(int(key), name) for key, name in self.lines("SELECT id, name FROM artists")]

    def check_count(self, acknowledged, when):
        rows, names = (int(value) for value in self.lines("SELECT count(*), count(DISTINCT name) FROM artists")[0])
        if rows != names:
            raise Failure(f"{when}: {rows - names} writes are there twice")
        if rows < acknowledged:
            raise Failure(f"{when}: {rows} rows, {acknowledged} acknowledged")


def kill_under_server(kind, make_server, cycles, rng):
    """Kills, acknowledged writes, repeated writes and the slowest start."""
    slowest = 0.0
    load = Load(f"{rng.getrandbits(32):08x}")
    with Database(kind) as database:
        for cycle in range(cycles):
            server = make_server(database.url())
            try:
                slowest = max(slowest, server.wait_ready())
                load.start(server.port)
                time.sleep(rng.uniform(0.05, 1.2))
            finally:
                server.kill()
            load.join()
            database.check_count(load.counts()[0], f"{NAMES[kind]}, after kill {cycle + 1}")
            print(f"\r{NAMES[kind]} kill {cycle + 1}/{cycles}: {load.counts()[0]} acknowledged, 0 lost", end="", flush=True)
        print()
        server = make_server(database.url())
        try:
            server.wait_ready()
            load.finish(server.port)
            server.stop()
        finally:
            if server.process.poll() is None:
                server.kill()
        check_rows(database.rows(), load.acknowledged(), f"{NAMES[kind]}, at the end")
    acknowledged, repeated = load.counts()
    return {"name": NAMES[kind], "kills": cycles, "acknowledged": acknowledged, "repeated": repeated, "start": slowest}

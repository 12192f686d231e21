#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two instances with one job, one of which is killed again and again: each fire time has its effect exactly once.

Usage: run.py sqlite|postgres|mariadb WORKER [--fire-times N] [--unfenced]

With --unfenced a run is no transaction with its record, and passes when some effect was found twice.
Prints one PASS or FAIL line with figures.
"""
import argparse
import contextlib
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "adopt"))
import servers  # noqa: E402

MINUTE = 60_000_000
QUERY = "SELECT fire_at, worker FROM effects ORDER BY fire_at"


class Sqlite:
    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="kit-jobs-")
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def load(self, *_):
        pass

    def url(self, name):
        return f"sqlite:{self.folder.name}/{name}.db"

    def rows(self, name, query):
        with contextlib.closing(sqlite3.connect(f"{self.folder.name}/{name}.db", timeout=30)) as database:
            return database.execute(query).fetchall()


class Postgres(servers.Postgres):
    def rows(self, name, query):
        text = self.run(["psql", "-X", "-q", "-A", "-t", "-F", " ", "-h", self.folder, "-p", self.port, "-U", "kit", name, "-c", query],
                        env={"PATH": "/usr/bin:/bin", "PGPASSWORD": servers.PASSWORD})
        return [tuple(map(int, line.split())) for line in text.splitlines()]


class MariaDb(servers.MariaDb):
    def rows(self, name, query):
        text = self.run(["mariadb", "--no-defaults", "-N", "-B", f"--socket={self.folder}/socket", "-u", "root", name, "-e", query])
        return [tuple(map(int, line.split())) for line in text.splitlines()]


class Instances:
    def __init__(self, command):
        self.command = command
        self.running = []
        self.kills = 0

    def start(self):
        self.running.append(subprocess.Popen(self.command, stdout=subprocess.DEVNULL))

    def kill(self, chance):
        process = self.running.pop(chance.randrange(len(self.running)))
        if process.poll() is not None:
            raise SystemExit(f"a worker ended by itself with {process.returncode}")
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.kills += 1

    def end(self):
        for process in self.running:
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("database", choices=["sqlite", "postgres", "mariadb"])
    parser.add_argument("worker")
    parser.add_argument("--fire-times", type=int, default=220)
    parser.add_argument("--unfenced", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with {"sqlite": Sqlite, "postgres": Postgres, "mariadb": MariaDb}[options.database]() as server:
        server.load("jobs", "SELECT 1;")
        subprocess.run([options.worker, server.url("jobs"), "create"], check=True)
        origin = str(time.time_ns() // 1000)
        instances = Instances([options.worker, server.url("jobs"), origin, *(["unfenced"] if options.unfenced else [])])
        end = time.monotonic() + 240
        try:
            instances.start()
            instances.start()
            while len(server.rows("jobs", QUERY)) < options.fire_times and time.monotonic() < end:
                time.sleep(chance.uniform(0.05, 0.5))  # the load goes on meanwhile
                instances.kill(chance)
                instances.start()
        finally:
            instances.end()
        rows = server.rows("jobs", QUERY)
        times = [fire_at for fire_at, _ in rows]
        runs, skipped = server.rows("jobs", "SELECT runs, skipped FROM kit_jobs")[0]
    twice = len(times) - len(set(times))
    gaps = sum(later - earlier != MINUTE for earlier, later in zip(sorted(set(times)), sorted(set(times))[1:]))
    workers = len({worker for _, worker in rows})
    good = twice > 0 if options.unfenced else len(times) >= options.fire_times and twice == 0 and gaps == 0 and skipped == 0 and workers > 1 and runs == len(times)
    print(f"{'PASS' if good else 'FAIL'} jobs on {options.database}: {len(times)} effects, {twice} twice, {gaps} gaps, {runs} runs recorded, "
          f"{workers} workers, {instances.kills} kills")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

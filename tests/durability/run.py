#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What must never be lost, tried: acknowledged writes through kill -9 and loss of power, and half imports.

    tests/durability/run.py --build build/release [--cycles 50] [--losses 30] [--server-cycles 100] [--seed N] [--short]

1. A store server under a load of eight writers is killed at random moments; after each kill the
   database is sound and holds every write that was answered with 201, once: what was not answered is
   repeated with its Idempotency-Key. The same under PostgreSQL and MariaDB.
   Backups that are made beside the writers are each one state.
2. A server is killed at random moments of its import; each file is in the database whole or not at all.
3. kit_power_loss takes the power away from the real database code on a disk in memory.
4. kit_group_commit_bench: acknowledged writes a second with one writer and with eight.
5. Events through crashes at named failpoints on SQLite, PostgreSQL and MariaDB (tests/outbox/crash.py, which ctest runs in short by
   itself): each is delivered, has its effect once, and stays in the order of its aggregate.

Ends with one line, PASS or FAIL.
"""
import argparse
import csv
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

from load import Failure, Load, check_rows
import server_kills

ROOT = pathlib.Path(__file__).resolve().parents[2]
STORE = ROOT / "examples" / "store"
KILLS_OF_A_DATABASE = 50
TABLES = {
    "Genre": "genres", "MediaType": "media_types", "Artist": "artists", "Album": "albums",
    "Track": "tracks", "Playlist": "playlists", "Employee": "employees", "Customer": "customers",
    "Invoice": "invoices", "InvoiceLine": "invoice_lines", "PlaylistTrack": "playlist_tracks",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, binary, folder, imports, url=None):
        self.port = free_port()
        self.database = folder / "store.db"
        self.log = open(folder / "server.log", "ab")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [binary, f"--http.port={self.port}", "--admin.port=0",
             f"--database.url={url}" if url else f"--database.path={self.database}", "--database.migrate_on_start=true",
             f"--import.on_start={'true' if imports else 'false'}", "--log.level=warn"],
            cwd=STORE, stdout=self.log, stderr=self.log)

    def wait_ready(self, limit=60.0):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Failure(f"the server ended by itself with {self.process.returncode}; see its log:\n"
                              + pathlib.Path(self.log.name).read_text(errors="replace")[-2000:])
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return time.monotonic() - self.started
            except OSError:
                pass
            time.sleep(0.005)
        raise Failure(f"the server was not ready within {limit} s")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure("the server did not end within 30 s of SIGTERM")
        self.log.close()


def snapshot(database, folder):
    """A copy of what the dead server left, so that looking at it repairs nothing for the next one."""
    copy = folder / "copy.db"
    for suffix in ("", "-wal", "-shm"):
        target = pathlib.Path(str(copy) + suffix)
        target.unlink(missing_ok=True)
        source = pathlib.Path(str(database) + suffix)
        if suffix != "-shm" and source.exists():
            shutil.copyfile(source, target)
    return copy


def check_sound(connection, when):
    integrity = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if integrity != "ok":
        raise Failure(f"{when}: integrity_check: {integrity}")
    orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    if orphans:
        raise Failure(f"{when}: foreign_key_check: {orphans[:5]}")


def kill_with_one_database(binary, cycles, rng, folder, say):
    """Acknowledged writes, repeated ones and the slowest start; `say` is told the number of the kill and of the writes."""
    slowest_start = 0.0
    load = Load(f"{rng.getrandbits(32):08x}")
    database = folder / "store.db"

    def check(when):
        with sqlite3.connect(snapshot(database, folder)) as connection:
            check_sound(connection, when)
            stored = connection.execute("SELECT id, name FROM artists").fetchall()
        connection.close()
        check_rows(stored, load.acknowledged(), when)

    for cycle in range(cycles):
        server = Server(binary, folder, imports=False)
        try:
            slowest_start = max(slowest_start, server.wait_ready())
            load.start(server.port)
            time.sleep(rng.uniform(0.02, 1.0))
        finally:
            server.kill()
        load.join()
        check(f"after kill {cycle + 1}")
        say(cycle + 1, load.counts()[0])
    server = Server(binary, folder, imports=False)
    try:
        server.wait_ready()
        load.finish(server.port)
        server.stop()
    finally:
        if server.process.poll() is None:
            server.kill()
    check("at the end")
    return *load.counts(), slowest_start


def kill_under_load(binary, cycles, rng, folder):
    """All of a database is read after each kill, so each has so many kills only. The last one is left in `folder`."""
    acknowledged = repeated = done = 0
    slowest_start = 0.0

    def say(kills, writes):
        print(f"\rkill {done + kills}/{cycles}: {acknowledged + writes} acknowledged, 0 lost", end="", flush=True)

    while done < cycles:
        remove_database(folder)
        kills = min(KILLS_OF_A_DATABASE, cycles - done)
        *counts, slowest = kill_with_one_database(binary, kills, rng, folder, say)
        done, acknowledged, repeated = done + kills, acknowledged + counts[0], repeated + counts[1]
        slowest_start = max(slowest_start, slowest)
    print()
    return acknowledged, repeated, slowest_start


def backup_under_load(binary, rounds, rng, folder):
    """Copies by `store db backup` beside a server that writes: each is sound, and holds what was answered before it began."""
    load = Load(f"{rng.getrandbits(32):08x}")
    server = Server(binary, folder, imports=False)
    rows = 0
    try:
        server.wait_ready()
        load.start(server.port)
        for number in range(rounds):
            time.sleep(rng.uniform(0.1, 0.5))
            before = load.acknowledged()
            copy = folder / f"backup-{number}.db"
            command = [binary, "db", "backup", copy, f"--database.path={server.database}"]
            done = subprocess.run([str(word) for word in command], cwd=STORE, capture_output=True, text=True)
            if done.returncode != 0:
                raise Failure(f"db backup: {done.stdout[-500:]}{done.stderr[-500:]}")
            with sqlite3.connect(copy) as connection:
                check_sound(connection, f"backup {number + 1}")
                stored = connection.execute("SELECT id, name FROM artists").fetchall()
            connection.close()
            check_rows(stored, before, f"backup {number + 1}")
            rows = len(stored)
        load.stop.set()
        load.join()
        again = subprocess.run([str(word) for word in command], cwd=STORE, capture_output=True, text=True)
        if again.returncode == 0:
            raise Failure("db backup wrote over a file")
        server.stop()
    finally:
        if server.process.poll() is None:
            server.kill()
    print(f"{rounds} backups beside eight writers: each is one state, {rows} rows in the last")


def rows_of_files():
    counts = {}
    for name, table in TABLES.items():
        with open(STORE / "data" / f"{name}.csv", newline="", encoding="utf-8-sig") as file:
            counts[table] = sum(1 for row in csv.reader(file) if row) - 1
    return counts


def check_files(database, folder, wanted, when):
    """How many files are in the database; fails for one that is there in part."""
    if not database.exists():
        return 0
    whole = 0
    with sqlite3.connect(snapshot(database, folder)) as connection:
        check_sound(connection, when)
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")}
        for table, count in wanted.items():
            found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] if table in tables else 0
            if found not in (0, count):
                raise Failure(f"{when}: {table} has {found} of {count} rows")
            whole += found == count
    connection.close()
    return whole


def remove_database(folder):
    for suffix in ("", "-wal", "-shm"):
        pathlib.Path(str(folder / "store.db") + suffix).unlink(missing_ok=True)


def import_time(binary, folder, wanted):
    """Seconds from the start of a server with an empty database to the end of its import, when it gets ready."""
    remove_database(folder)
    server = Server(binary, folder, imports=True)
    try:
        seconds = server.wait_ready()
        if check_files(server.database, folder, wanted, "after the first import") < len(wanted):
            raise Failure("the server was ready before its import had ended")
    finally:
        server.kill()
    return seconds


def kill_import(binary, cycles, rng, folder):
    """Kills until `cycles` of them have come before the end of an import; how many it took."""
    wanted = rows_of_files()
    whole_time = min(import_time(binary, folder, wanted) for _ in range(3))
    files = []
    while (hits := sum(found < len(wanted) for found in files)) < cycles:
        if len(files) >= cycles * 10:
            raise Failure(f"only {hits} of {len(files)} kills came before the end of the import")
        if not files or files[-1] == len(wanted):  # what is half done is gone on with
            remove_database(folder)
        server = Server(binary, folder, imports=True)
        try:
            time.sleep(rng.uniform(0.0, whole_time))
        finally:
            server.kill()
        files.append(check_files(server.database, folder, wanted, f"after import kill {len(files) + 1}"))
        print(f"\rimport kill {len(files)}: {files[-1]} files whole, 0 half", end="", flush=True)
    print()
    server = Server(binary, folder, imports=True)
    try:
        server.wait_ready()
        while check_files(server.database, folder, wanted, "after the last import") < len(wanted):
            if time.monotonic() - server.started > 120:
                raise Failure("the import did not finish after it was killed")
            time.sleep(0.05)
        server.stop()
    finally:
        if server.process.poll() is None:
            server.kill()
    return len(files)


def program(build, name):
    for path in sorted(build.rglob(name)):
        if path.is_file() and os.access(path, os.X_OK):
            return path
    raise Failure(f"{name} is not built in {build}")


def run_json(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    try:
        return done.returncode, json.loads(done.stdout.strip().splitlines()[-1]), done.stderr
    except (IndexError, json.JSONDecodeError):
        raise Failure(f"{command[0]} ended with {done.returncode}: {done.stderr[-500:]}")


def power_losses(build, losses, seed):
    binary = program(build, "kit_power_loss")
    code, outcome, errors = run_json([binary, f"--losses={losses}", f"--seed={seed}"])
    if code != 0:
        raise Failure(f"power loss: {outcome} {errors[-1000:]}")
    done = subprocess.run([binary, f"--losses={min(losses, 15)}", f"--seed={seed}", "--self-test"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"the power-loss test can't fail: {done.stdout} {done.stderr[-500:]}")
    print(f"power losses {outcome['losses']}: {outcome['acknowledged']} acknowledged, 0 lost; "
          "with weaker settings writes are lost, as they must be")
    return outcome


def group_commit(build, folder, short):
    command = [program(build, "kit_group_commit_bench"), folder, 0.3 if short else 1, 3 if short else 5]
    _, figures, _ = run_json(command)
    print(f"group commit: one writer {figures['one_writer']}/s, eight {figures['eight_writers']}/s, "
          f"{figures['units_per_commit']} units a commit, {figures['commit_us']} us a commit")
    return figures


def event_crashes(build, cycles, seed):
    """The last line of crash.py, which begins with PASS; `cycles` crashes on each database."""
    command = [sys.executable, "-B", ROOT / "tests" / "outbox" / "crash.py", "--program", program(build, "kit_outbox_crash"),
               "--crashes", min(max(cycles, 70), 100), "--seed", seed]
    for more in ([], ["--self-test", "--databases", "sqlite"]):
        done = subprocess.run([str(part) for part in command + more], capture_output=True, text=True)
        lines = done.stdout.strip().splitlines() or [done.stderr[-500:]]
        if done.returncode != 0:
            raise Failure(f"events: {lines[-1]}")
        print(lines[-1], flush=True)
        outcome = lines[-1] if not more else outcome
    return outcome.removeprefix("PASS outbox: ")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--store", type=pathlib.Path, help="the server's binary; found in --build otherwise")
    parser.add_argument("--cycles", type=int, help="kills under load (50), and up to 100 kills before the end of the import")
    parser.add_argument("--losses", type=int, help="losses of power (30)")
    parser.add_argument("--server-cycles", type=int, help="kills under each of --servers (100)")
    parser.add_argument("--servers", default="postgres,mariadb", help="also none")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(31))
    parser.add_argument("--short", action="store_true", help="5 kills, 3 under each server, and 10 losses")
    arguments = parser.parse_args()
    arguments.build = arguments.build.resolve()
    cycles = arguments.cycles or (5 if arguments.short else 50)
    server_cycles = arguments.server_cycles or (3 if arguments.short else 100)
    losses = arguments.losses or (10 if arguments.short else 30)
    print(f"seed {arguments.seed}", flush=True)
    rng = random.Random(arguments.seed)
    # On a disk, not in memory: that is what is flushed to.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="durability-", dir=arguments.build))
    try:
        store = arguments.store or program(arguments.build, "store")
        power = power_losses(arguments.build, losses, arguments.seed)
        acknowledged, repeated, start = kill_under_load(store.resolve(), cycles, rng, folder)
        if acknowledged == 0:
            raise Failure("nothing was written")
        backup_under_load(store.resolve(), 3 if arguments.short else 10, rng, folder)
        under = [server_kills.kill_under_server(kind, lambda url: Server(store.resolve(), folder, False, url), server_cycles, rng)
                 for kind in arguments.servers.split(",") if kind in server_kills.NAMES]
        import_cycles = min(cycles, 100)
        import_kills = kill_import(store.resolve(), import_cycles, rng, folder)
        figures = group_commit(arguments.build, folder, arguments.short)
        events = "in outbox.crash" if arguments.short else event_crashes(arguments.build, cycles, arguments.seed)
    except Failure as failure:
        print(f"\nFAIL durability: {failure} (seed {arguments.seed}; files in {folder})")
        return 1
    shutil.rmtree(folder)
    enough = figures["ratio"] >= 5 or arguments.short
    total = acknowledged + sum(each["acknowledged"] for each in under)
    text = "".join(f"{each['kills']} kills under {each['name']}, {each['acknowledged']} acknowledged, {each['repeated']} repeated, "
                   f"slowest restart {each['start']:.2f} s; " for each in under)
    print(f"{'PASS' if enough else 'FAIL'} durability: {cycles} kills, {acknowledged} acknowledged writes, {repeated} repeated, "
          f"slowest restart {start:.2f} s; {text}{total} acknowledged in all, 0 lost, 0 twice; {power['losses']} power losses, {power['acknowledged']} acknowledged, 0 lost; "
          f"{import_kills} import kills, {import_cycles} of them before its end, 0 half files; "
          f"group commit {figures['eight_writers']} writes/s with 8 writers vs "
          f"{figures['one_writer']} with one, {figures['ratio']:.1f}x in the median of the pairs; events: {events}")
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())

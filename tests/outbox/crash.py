#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Events are never lost, tried: processes that write, relay and consume are killed at named failpoints.

    tests/outbox/crash.py --program PATH [--crashes 70] [--databases sqlite,postgres,mariadb] [--seed N] [--self-test]

On each database two processes work at once: both write and relay, one consumes as well. Whoever dies is started again. At the end
everything has to have arrived: each committed event at the subscriber and at the consumer exactly once, at the broker at least once,
nowhere out of the order of its aggregate. With --self-test the consumer forgets its inbox, and the check has to find that.

Ends with one line, PASS or FAIL.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "adopt"))
import servers  # noqa: E402

BATCH = 20  # of crash.cpp
# Where a process dies; the chance at each visit is such that it takes some visits.
POINTS = {
    "outbox.before_add": 0.02, "outbox.between_destinations": 0.02, "outbox.after_add": 0.02,
    "relay.before_claim": 0.05, "relay.after_claim": 0.05, "relay.before_publish": 0.1, "relay.after_publish": 0.1,
    "relay.after_finish": 0.1, "relay.before_handler": 0.03, "relay.after_handler": 0.03, "relay.after_effect": 0.03,
    "relay.before_release": 0.05, "sqlite.before_commit": 0.01, "sqlite.after_commit": 0.01, "inbox.before_handler": 0.03, "inbox.before_commit": 0.03, "inbox.after_commit": 0.03,
}
# What was published there is published again: without an inbox it has its effect twice.
REPEATS = "relay.after_publish"
CONSUMERS = {name for name in POINTS if name.startswith("inbox.")}
# What fails without dying, beside it.
ERRORS = ["relay.before_publish=error:p=0.05", "relay.after_handler=error:p=0.02", "inbox.before_commit=error:p=0.02", ""]
DIED = 137


class Failure(Exception):
    pass


def call(program, command, dsn, folder, *more, **options):
    done = subprocess.run([str(program), command, dsn, str(folder), *more], capture_output=True, text=True, timeout=120, **options)
    if done.returncode:
        raise Failure(f"{command}: exit {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


class Crashes:
    """The processes on one database."""

    def __init__(self, program, name, dsn, folder, rng, flags):
        self.program, self.name, self.dsn, self.folder, self.rng, self.flags = program, name, dsn, folder, rng, flags
        self.by_point = {}

    def start(self, consumes):
        points = [REPEATS] if self.flags else sorted(name for name in POINTS if (consumes or name not in CONSUMERS) and (self.name == "sqlite" or not name.startswith("sqlite.")))
        point = self.rng.choice(points)
        error = self.rng.choice(ERRORS)
        text = f"{point}=exit({DIED}):p={POINTS[point]}" + (";" + error if error and not error.startswith(point + "=") else "")
        environment = {**os.environ, "KIT_FAILPOINTS": text, "KIT_FAILPOINTS_SEED": str(self.rng.getrandbits(32))}
        command = [str(self.program), "work" if consumes else "relay", self.dsn, str(self.folder), *self.flags]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return process, point, time.monotonic()

    def run(self, crashes):
        working = [self.start(True), self.start(False)]
        try:
            while sum(self.by_point.values()) < crashes:
                time.sleep(0.005)  # polls
                for place, (process, point, started) in enumerate(working):
                    code = process.poll()
                    if code is None and time.monotonic() - started > 20:
                        process.send_signal(signal.SIGKILL)  # its point is not on its way
                        code, point = process.wait(), "killed"
                    if code is None:
                        continue
                    if code not in (DIED, -signal.SIGKILL):
                        raise Failure(f"a process ended with {code}: {process.stderr.read()[-500:]}")
                    process.stderr.close()
                    self.by_point[point] = self.by_point.get(point, 0) + 1
                    working[place] = self.start(place == 0)
                    print(f"\r{self.name}: {sum(self.by_point.values())}/{crashes} crashes", end="", flush=True)
        finally:
            for process, _, _ in working:
                process.kill()
                process.wait()
                process.stderr.close()
        print()

    def check(self):
        recovery = int(call(self.program, "drain", self.dsn, self.folder, *self.flags))
        found = json.loads(call(self.program, "verify", self.dsn, self.folder))
        committed = found["committed"]
        if committed == 0:
            raise Failure("nothing was committed")
        for what in ("counted", "consumed", "published"):
            if found[what] != committed:
                raise Failure(f"{found[what]} {what} of {committed} committed: {found}")
        if found["waiting"] or found["misplaced"]:
            raise Failure(f"events wait or are out of order: {found}")
        most = BATCH * (sum(self.by_point.values()) + 2)
        if found["repeated"] > most:
            raise Failure(f"{found['repeated']} repetitions are more than a batch for each crash, {most}")
        return {**found, "recovery_ms": recovery}


def crash_on(program, name, dsn, crashes, rng, self_test):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kit-outbox-"))
    try:
        dsn = dsn or f"sqlite:{folder}/crash.db"
        call(program, "setup", dsn, folder)
        group = Crashes(program, name, dsn, folder, rng, ["--no-inbox"] if self_test else [])
        group.run(crashes)
        found = group.check()
        return {**found, "points": group.by_point}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def each_database(names):
    """Name and DSN, with its server running."""
    for name in names:
        if name == "sqlite":
            yield name, None
            continue
        with {"postgres": servers.Postgres, "mariadb": servers.MariaDb}[name]() as server:
            server.load("crash", "SELECT 1;")
            yield name, server.url("crash")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--crashes", type=int, default=70, help="on each database")
    parser.add_argument("--databases", default="sqlite,postgres,mariadb")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(31))
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    program = arguments.program.resolve()
    rng = random.Random(arguments.seed)
    print(f"seed {arguments.seed}", flush=True)
    totals, points = {}, {}
    try:
        for name, dsn in each_database(arguments.databases.split(",")):
            found = crash_on(program, name, dsn, arguments.crashes, rng, arguments.self_test)
            print(f"{name}: {found}")
            for point, count in found.pop("points").items():
                points[point] = points.get(point, 0) + count
            for key, value in found.items():
                totals[key] = max(totals.get(key, 0), value) if key == "recovery_ms" else totals.get(key, 0) + value
    except Failure as failure:
        if arguments.self_test and "consumed of" in str(failure):
            print(f"PASS outbox self-test: without an inbox the check finds {failure}")
            return 0
        print(f"\nFAIL outbox: {failure} (seed {arguments.seed})")
        return 1
    if arguments.self_test:
        print("FAIL outbox self-test: without an inbox nothing was found")
        return 1
    print(f"PASS outbox: {sum(points.values())} crashes at {len(points)} failpoints on {arguments.databases}, {totals['committed']} events "
          f"committed, each with its effect once, 0 lost, 0 out of order; {totals['repeated']} repetitions at the broker; all delivered "
          f"{totals['recovery_ms']} ms after the last crash at most")
    return 0


if __name__ == "__main__":
    sys.exit(main())

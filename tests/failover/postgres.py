#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL primary goes while kit writes, and its synchronous standby is promoted.

  tests/failover/postgres.py --build build/release            every way a primary can go, ROUNDS (2) times each
  tests/failover/postgres.py --build build/release --short    killed once
  tests/failover/postgres.py ... --asynchronous               a standby that lags behind: has to lose writes, and to say so

Passes when writes are acknowledged again within 10 s of the promotion, none that was acknowledged is missing on the new
primary, none is there twice, and reads of the replica go on.
"""
import argparse
import contextlib
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "adopt"))
import servers  # noqa: E402

LIMIT_MS = 10_000
WAYS = ("killed", "stopped", "frozen")


def now_ms():
    return time.monotonic() * 1000


def say(text):
    print(text, flush=True)


def wait_for(what, holds, seconds=30):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"FAIL failover postgres: {what} within {seconds} s")
        time.sleep(0.02)  # polls


class Writer:
    """The load, and what it says."""

    def __init__(self, program, url, log):
        self.log = log
        with open(log, "w") as out:
            self.process = subprocess.Popen([str(program), url], stdin=subprocess.PIPE, stdout=out)

    def lines(self, kind):
        with open(self.log) as log:
            return [line.split(None, 3) for line in log if line.startswith(kind + " ") and line.endswith("\n")]

    def acknowledged_since(self, begun):
        return [int(at) for _, _, at in self.lines("w") if int(at) > begun]

    def end(self):
        self.process.stdin.close()
        if self.process.wait(30):
            raise SystemExit(f"FAIL failover postgres: the writer ended with {self.process.returncode}")


def lose(primary, way):
    """The primary goes, and does not come back."""
    if way == "killed":
        primary.process.kill()
        primary.process.wait()
    elif way == "stopped":
        primary.process.send_signal(signal.SIGQUIT)  # what `pg_ctl stop -m immediate` sends
        primary.process.wait()
    else:
        primary.freeze()


def judge(writer, promoted, new_primary):
    """What was lost, doubled, and how long nothing was acknowledged."""
    stored = [int(line) for line in new_primary.psql("COPY (SELECT id FROM acknowledged) TO STDOUT", "failover").split()]
    acknowledged = {int(number) for _, number, _ in writer.lines("w")}
    after = [int(at) for _, _, at in writer.lines("w") if int(at) > promoted]
    reads = [line for line in writer.lines("r") if int(line[1]) > promoted and line[2] != "-"]
    return {
        "acknowledged": len(acknowledged),
        "lost": len(acknowledged - set(stored)),
        "doubled": len(stored) - len(set(stored)),
        "failed": len(writer.lines("e")),
        "outage_ms": round(min(after) - promoted) if after else None,
        "read_outage_ms": round(int(reads[0][1]) - promoted) if reads else None,
    }


def one_round(program, way, asynchronous):
    with contextlib.ExitStack() as stack:
        primary = stack.enter_context(servers.Postgres())
        primary.load("failover", "CREATE TABLE acknowledged (id bigint NOT NULL)")
        standby = stack.enter_context(servers.PostgresStandby(primary))
        if not asynchronous:
            primary.psql("ALTER SYSTEM SET synchronous_standby_names = '*'")
            primary.psql("SELECT pg_reload_conf()")
            wait_for("the standby is not synchronous", lambda: "sync" in primary.psql(
                "COPY (SELECT sync_state FROM pg_stat_replication WHERE sync_state = 'sync') TO STDOUT"))
        url = f"postgresql://kit:se%2Fcr%40t%3F1@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/failover"
        writer = Writer(program, url, pathlib.Path(stack.enter_context(servers.scratch())) / "log")
        stack.callback(writer.process.kill)
        begun = now_ms()
        wait_for("writes and reads of the standby", lambda: len(writer.acknowledged_since(begun)) > 500 and
                 any(line[2] == "1" for line in writer.lines("r")))
        if asynchronous:
            standby.stop_receiving()
            time.sleep(0.5)  # writes that the standby never hears of
        lose(primary, way)
        time.sleep(0.5)  # until somebody notices, in life
        promoted = now_ms()
        standby.promote()
        with contextlib.suppress(SystemExit):
            wait_for("writes", lambda: len(writer.acknowledged_since(promoted)) > 500, 2 * LIMIT_MS / 1000)
        writer.end()
        return judge(writer, promoted, standby)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--asynchronous", action="store_true")
    options = parser.parse_args()
    program = pathlib.Path(options.build).resolve() / "tests/failover/kit_failover_writer"
    if not program.exists():
        raise SystemExit(f"FAIL failover postgres: {program} is missing: build the target failover")
    ways = WAYS[:1] if options.short else WAYS * options.rounds
    results = []
    for way in ways:
        result = one_round(program, way, options.asynchronous)
        results.append(result)
        say(f"{way}: " + ", ".join(f"{name} {value}" for name, value in result.items()))
    total = {name: sum(result[name] for result in results) for name in ("acknowledged", "lost", "doubled", "failed")}
    outages = [result["outage_ms"] for result in results]
    reads = [result["read_outage_ms"] for result in results]
    problems = [f"{total[name]} acknowledged writes {name}" for name in ("lost", "doubled") if total[name]]
    if None in outages or max(outages) > LIMIT_MS:
        problems.append(f"writes after the promotion took {outages} ms")
    if None in reads or max(reads) > LIMIT_MS:
        problems.append(f"reads of the replica after the promotion took {reads} ms")
    if problems:
        say("FAIL failover postgres: " + "; ".join(problems))
        return 1
    say(f"PASS failover postgres: {len(results)} fail-overs, outage {max(outages)} ms at most (<= {LIMIT_MS}), reads of the replica "
        f"{max(reads)} ms, {total['acknowledged']} acknowledged writes, 0 lost, 0 doubled, {total['failed']} failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

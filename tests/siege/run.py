#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What honest clients notice of a siege.

    tests/siege/run.py --build build/release [--rounds=5] [--short] [--starve]

Each round: honest clients beside `wrk -c 10000`, then the same with 500 slowloris clients, 200 clients that never read
and 1 000 connections a second of garbage. Honest clients must see no error, and (not with --short, which is for any
machine) their p99 at most twice as long; the server's memory and its log must not grow with the attackers.
Ends with one line, PASS or FAIL.
"""
import argparse
import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/conformance"))
import wire  # noqa: E402

SERVER_CPU, LOAD_CPU = "0", "1"
GROWTH = 64 << 20  # bytes that attackers may cost
LOG_BYTES = 1  # for each connection of an attacker, on average
SLOWER = 2.0
FULL = {"wrk": 10_000, "honest": 200, "slowloris": 500, "mute": 200, "garbage": 1_000, "seconds": 12, "rounds": 5}
SHORT = {"wrk": 200, "honest": 50, "slowloris": 100, "mute": 40, "garbage": 300, "seconds": 2, "rounds": 1}


class Failure(Exception):
    pass


class Memory(threading.Thread):
    """The most that the server used."""

    def __init__(self, server):
        super().__init__()
        self.server, self.most, self.ended = server, 0, threading.Event()

    def run(self):
        while not self.ended.wait(0.1):
            self.most = max(self.most, self.server.resident_bytes())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


def start(command):
    return subprocess.Popen(["taskset", "-c", LOAD_CPU, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process, what, patience):
    out, err = process.communicate(timeout=patience)
    if process.returncode != 0:
        raise Failure(f"{what} ended with {process.returncode}: {err[-300:]}")
    return out


def wait_for(condition, otherwise, patience=30.0):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"{otherwise} within {patience:.0f} s")
        time.sleep(0.01)


def scene(server, party, size, attacked, log, room):
    """One half of a round: what each party says, the most memory, and bytes of log."""
    seconds = str(size["seconds"])
    before = os.path.getsize(log)
    # wrk is there first, so that the honest clients measure a server at work: all of its connections, or as many as
    # the server has room for.
    expected = min(size["wrk"], room)
    wrk = start(["wrk", "-t1", f"-c{size['wrk']}", f"-d{size['seconds'] + 5}s", "--timeout", "30s", f"http://127.0.0.1:{server.port}/"])
    wait_for(lambda: server.connections() >= expected, f"wrk has not made its {expected} connections")
    parties = {name: start([party, name, str(server.port), seconds, str(size[name])])
               for name in (("slowloris", "mute", "garbage") if attacked else ())}
    with Memory(server) as memory:
        honest = start(["nice", "-n", "-5", party, "honest", str(server.port), seconds, str(size["honest"])])
        said = {"honest": json.loads(finish(honest, "honest", 90))}
        for name, process in parties.items():
            said[name] = json.loads(finish(process, name, 90))
        said["wrk"] = finish(wrk, "wrk", 120)
    server.expect_alive()
    found = re.search(r"Requests/sec: +([0-9.]+)", said["wrk"])
    said["wrk_rate"] = float(found[1]) if found else 0
    return {**said, "memory": memory.most, "log": os.path.getsize(log) - before}


def show(name, result):
    honest = result["honest"]
    text = "".join(f", {party} {result[party]['connections']}" for party in ("slowloris", "mute", "garbage") if party in result)
    print(f"  {name:9} honest: {honest['answered']} of {honest['requests']}, {honest['errors']} errors, p50 {honest['p50_ms']:.1f} ms, "
          f"p99 {honest['p99_ms']:.1f} ms; wrk {result['wrk_rate']:.0f}/s; {result['memory'] >> 20} MiB; log {result['log']} bytes{text}", flush=True)


def judge(rounds, short):
    """(figures, problems)"""
    errors = sum(one["honest"]["errors"] for pair in rounds for one in pair)
    honest = sum(one["honest"]["answered"] for pair in rounds for one in pair)
    ratio = statistics.median(attacked["honest"]["p99_ms"] / max(alone["honest"]["p99_ms"], 0.001) for alone, attacked in rounds)
    grown = max(attacked["memory"] for _, attacked in rounds) - max(alone["memory"] for alone, _ in rounds)
    attackers = sum(attacked[party]["connections"] for _, attacked in rounds for party in ("slowloris", "mute", "garbage"))
    logged = sum(attacked["log"] for _, attacked in rounds)
    cut = sum(attacked["slowloris"]["ended_by_server"] for _, attacked in rounds)
    problems = []
    if errors or honest == 0:
        problems.append(f"honest clients saw {errors} errors")
    if ratio > SLOWER and not short:
        problems.append(f"their p99 is {ratio:.2f} times as long")
    if grown > GROWTH:
        problems.append(f"the server grew by {grown >> 20} MiB")
    if logged > LOG_BYTES * attackers:
        problems.append(f"{logged} bytes were logged about {attackers} attackers")
    alone = statistics.median(one["honest"]["p99_ms"] for one, _ in rounds)
    attacked = statistics.median(one["honest"]["p99_ms"] for _, one in rounds)
    return (f"{honest} honest requests, {errors} errors, p99 {alone:.1f} ms alone and {attacked:.1f} ms under {attackers} attacking "
            f"connections ({ratio:.2f}x), {cut} slow ones cut, memory +{max(grown, 0) >> 20} MiB, log {logged} bytes"), problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--starve", action="store_true", help="fewer connections than the load takes: has to fail")
    options = parser.parse_args()
    size = dict(SHORT if options.short else FULL)
    rounds = options.rounds or size["rounds"]
    if shutil.which("wrk") is None:
        print("FAIL siege: wrk is missing: apt-get install wrk")
        return 1
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65_536, hard), hard))
    build = pathlib.Path(options.build).resolve()
    timeouts = ("--header-timeout-ms=1000",) if options.short else ()
    room = 100 if options.starve else 30_000
    results = []
    try:
        with tempfile.NamedTemporaryFile() as log, \
                wire.Server(build / "tests/conformance/kit_conformance_server", f"--connections={room}", "--connections-per-peer=30000",
                            *timeouts, wrapper=("taskset", "-c", SERVER_CPU), log=log) as server:
            for number in range(rounds):
                print(f"round {number + 1} of {rounds}")
                pair = []
                for attacked in (False, True):
                    pair.append(scene(server, build / "tests/siege/kit_siege", size, attacked, log.name, room))
                    show("attacked" if attacked else "alone", pair[-1])
                results.append(pair)
        figures, problems = judge(results, options.short)
    except (Failure, subprocess.TimeoutExpired, RuntimeError) as failure:
        figures, problems = "", [str(failure)]
    print(f"FAIL siege: {'; '.join(problems)} ({figures})" if problems else f"PASS siege: {rounds} rounds, {figures}")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())

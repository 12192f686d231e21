#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Redis cluster of six loses a primary while two threads read and write in it: errors end within 6 s, and no answer is wrong.

Usage: redis_cluster.py PROGRAM [--kills N] [--fault swap]     PROGRAM: kit_redis_cluster_load; a fault must fail

Prints PASS or FAIL with figures. Redis copies writes to replicas after it has confirmed them, so that the last ones before a
kill may be gone; any that is gone and was confirmed at another time is a failure, and so is a value that some other key got.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "redis"))
import redis_servers  # noqa: E402

LIMIT_MS = 6_000
COPIED_WITHIN_MS = 1_000  # a replica is not further behind
STEADY_SECONDS = 1.0


def now_ms():
    return time.monotonic() * 1000


class Load:
    def __init__(self, program, url, fault):
        more = [f"--fault={fault}"] if fault else []
        self.process = subprocess.Popen([program, url, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def operations(self):
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def is_going(self, count=200):
        """Does so many more operations."""
        before = self.operations()
        redis_servers.until(lambda: self.operations() >= before + count, 30, "the load goes on")

    def findings(self):
        self.process.stdin.close()
        result = json.loads(self.process.stdout.read())
        self.process.wait(30)
        return result


def kill_primaries(cluster, load, kills):
    """The times of the kills."""
    times = []
    load.is_going(20_000)
    for number in range(kills):
        load.is_going()
        victim = cluster.primary_of(f"load:{number}:0")
        times.append(now_ms())
        victim.kill()
        redis_servers.until(lambda: len(cluster.primaries()) == 3, 30, "a replica takes over")
        time.sleep(LIMIT_MS / 1000 - (now_ms() - times[-1]) / 1000 + STEADY_SECONDS)  # errors past the limit would be seen
        load.is_going()
        victim.start_again()
        redis_servers.until(cluster.is_ready, 60, "the old primary follows the new one")
        load.is_going()
    return times


def judge(findings, times):
    """The longest outage in milliseconds, and what is wrong."""
    problems = []
    longest = 0
    for first, last, errors in findings["outages"]:
        before = [kill for kill in times if kill <= last]
        if not before:
            problems.append(f"{errors} errors although nothing was killed")
            continue
        longest = max(longest, last - before[-1])
    if longest > LIMIT_MS:
        problems.append(f"errors until {longest:.0f} ms after a kill")
    if findings["wrong"]:
        problems.append(f"{findings['wrong']} wrong answers")
    late = [confirmed for confirmed in findings["gone"] if not any(kill - COPIED_WITHIN_MS <= confirmed <= kill + 50 for kill in times)]
    if late:
        problems.append(f"{len(late)} writes are gone that were confirmed long before or after a kill")
    if findings["in_flight"] or findings["in_use"]:
        problems.append("something is left on its way")
    if times and not findings["outages"]:
        problems.append("no error at all: nothing was killed")
    return longest, problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--kills", type=int, default=1)
    parser.add_argument("--fault", choices=["swap"])
    options = parser.parse_args()
    with redis_servers.Cluster() as cluster:
        begin = now_ms()
        load = Load(options.program, cluster.url(), options.fault)
        try:
            times = kill_primaries(cluster, load, options.kills)
            findings = load.findings()
        finally:
            load.process.kill()
        seconds = (now_ms() - begin) / 1000
    longest, problems = judge(findings, times)
    errors = sum(outage[2] for outage in findings["outages"])
    refreshes = findings["refreshes"]
    if refreshes > seconds + 2:
        problems.append(f"{refreshes} refreshes of the slots in {seconds:.0f} s")
    for problem in problems:
        print(problem)
    if problems:
        print(json.dumps(findings), f"kills at {[round(t) for t in times]}")
    print(f"{'FAIL' if problems else 'PASS'} failover redis: {options.kills} kills, {findings['operations']} operations, {errors} errors until "
          f"{longest:.0f} ms after a kill (at most {LIMIT_MS}), {findings['wrong']} wrong answers, {len(findings['gone'])} writes gone that were "
          f"confirmed just before a kill, {findings['redirected']} redirections, {refreshes} refreshes")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server that is asked for three times what it can do, and a client whose upstream is in trouble.

    tests/overload/run.py --build build/release [--short] [--only server|dead|storm] [--without]

server: goodput at least 80 % of the peak, p99 of the answered at most three times that of a calm day, refusals within
10 ms and with Retry-After, no probe refused, back to normal within 5 s. dead: an upstream that is gone for a minute: its
breaker opens at once, hardly anything is tried, and it closes within two probe intervals. storm: an upstream that answers
503 and asks to come back at once: at most 1.2 tries a request. --short is for any machine, busy ones too, and allows more.
--without (no shedder, no breaker that is noticed, no retry budget) has to fail. Ends with one line, PASS or FAIL.
"""
import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys

SERVER_CPU, LOAD_CPU = 0, 1
WORK_US = 1000
FULL = {"calm": 10, "loaded": 60, "goodput": 0.8, "slower": 3.0, "refusal_ms": 10, "served": 0.99, "storm": 30, "dead": 60, "open_ms": 5000}
# The least figure of a calm p99 that is believed: of a machine that does something else as well it is chance.
SHORT = {"calm": 3, "loaded": 8, "goodput": 0.5, "slower": 15.0, "refusal_ms": 200, "served": 0.6, "storm": 4, "dead": 6, "open_ms": 1000}
LEAST_CALM_MS = {"full": 2.0, "short": 10.0}
CONNECTIONS = 240  # a server takes 256 of one address


class Failure(Exception):
    pass


def check(holds, what):
    if not holds:
        raise Failure(what)


def on_cpu(cpu):
    """For a child: one CPU of its own, where there are two."""
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {allowed[min(cpu, len(allowed) - 1)]})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, build, without):
        self.port = free_port()
        command = [build / "kit_overload_server", str(self.port), str(WORK_US)]
        self.command = command + (["--without"] if without else [])

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: on_cpu(SERVER_CPU))
        check(self.process.stdout.readline() == "ready\n", "the server did not start")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def load(build, server, rate, seconds, connections=CONNECTIONS):
    command = [build / "kit_overload_load", str(server.port), f"{rate:.1f}", str(seconds), str(connections)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, preexec_fn=lambda: on_cpu(LOAD_CPU))
    figures = json.loads(result.stdout)
    print(f"  {rate:8.0f}/s for {seconds:3} s: {result.stdout.strip()}", flush=True)
    check(figures["lost"] == 0 and figures["other"] == 0, f"{figures['lost']} connections lost, {figures['other']} other answers")
    return figures


def overload(build, size, options):
    least = LEAST_CALM_MS["short" if options.short else "full"]
    with Server(build, options.without) as server:
        # Two at a time: the server is never idle, and never has more than it can do.
        peak = load(build, server, 0, size["calm"], 2)["rate"]
        calm = load(build, server, 0.4 * peak, size["calm"])
        calm_p99 = max(calm["p99_ms"], least)
        loaded = load(build, server, 3 * peak, size["loaded"])
        recovered = None
        for second in range(5):
            after = load(build, server, 0.4 * peak, 1)
            served = after["answered"] + after["probes"] >= size["served"] * after["planned"]
            if recovered is None and served and after["p99_ms"] <= size["slower"] * calm_p99:
                recovered = second + 1
    goodput = loaded["rate"] / peak
    slower = loaded["p99_ms"] / calm_p99
    check(goodput >= size["goodput"], f"{100 * goodput:.0f} % of the peak answered")
    check(slower <= size["slower"], f"p99 of the answered {loaded['p99_ms']:.1f} ms, {slower:.1f} times that of a calm day")
    check(loaded["refused_p99_ms"] <= size["refusal_ms"], f"refusals take {loaded['refused_p99_ms']:.1f} ms")
    check(loaded["refused"] > 0 and loaded["unanswered"] == 0, f"{loaded['unanswered']} not answered")
    check(loaded["refused_probes"] == 0, f"{loaded['refused_probes']} probes refused")
    check(recovered is not None, "not back to normal within 5 s")
    return (f"at 3x {peak:.0f}/s for {size['loaded']} s {100 * goodput:.0f} % answered, p99 {loaded['p99_ms']:.1f} ms "
            f"({slower:.1f}x), {loaded['refused']} refused within {loaded['refused_p99_ms']:.1f} ms, back after {recovered} s")


def clients(build, *words):
    result = subprocess.run([build / "kit_overload_clients", *map(str, words)], stdout=subprocess.PIPE, text=True, check=True)
    print(f"  {' '.join(map(str, words))}: {result.stdout.strip()}", flush=True)
    return json.loads(result.stdout)


def dead(build, size, options):
    # Without: open for so long that the upstream is back and nobody notices.
    open_ms = 5 * size["open_ms"] if options.without else size["open_ms"]
    figures = clients(build, "dead", size["dead"], open_ms)
    limit = 2 * size["open_ms"] / 1000
    check(not figures["opened_while_healthy"] and figures["answered_before"] > 0, "opened while the upstream was well")
    check(0 <= figures["opened_s"] <= 2, f"opened after {figures['opened_s']} s")
    most = 10 + 3 * (size["dead"] * 1000 // size["open_ms"] + 1)
    check(figures["tries_while_dead"] <= most, f"{figures['tries_while_dead']} tries of an upstream that was gone")
    check(0 <= figures["closed_s"] <= limit + 0.5, f"closed after {figures['closed_s']} s")
    check(figures["answered_after"] > 0, "not used again")
    return (f"gone for {size['dead']} s: open after {figures['opened_s']:.2f} s, {figures['tries_while_dead']} tries, closed "
            f"{figures['closed_s']:.1f} s after it was back")


def storm(build, size, options):
    figures = clients(build, "storm", size["storm"], *(["--without"] if options.without else []))
    ratio = figures["tries"] / figures["requests"]
    check(figures["requests"] > 0 and ratio <= 1.2, f"{ratio:.2f} tries a request")
    return f"{ratio:.3f} tries a request for {size['storm']} s of 503"


PARTS = {"server": overload, "dead": dead, "storm": storm}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--without", action="store_true")
    options = parser.parse_args()
    size = SHORT if options.short else FULL
    build = pathlib.Path(options.build).resolve() / "tests/overload"
    figures = []
    for part in [options.only] if options.only else PARTS:
        try:
            figures.append(PARTS[part](build, size, options))
        except Failure as problem:
            print(f"FAIL overload: {part}: {problem}")
            return 1
    print(f"PASS overload: {'; '.join(figures)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

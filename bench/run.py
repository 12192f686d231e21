#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares kit with a raw epoll loop, nginx, libpq and a Go server on PostgreSQL on this machine and checks the budgets.

  bench/run.py --build build/release            everything (about 6 minutes)
  bench/run.py --build build/release --short    fewer and shorter runs
  bench/run.py --build build/release --check    what does not depend on load: instructions, connections, cold start, kitgen
  bench/run.py --build build/release --databases   PostgreSQL only
  bench/run.py --build build/release --save     keep the figures as the baseline of this kind of machine

The server runs on cpu 0, the load on cpu 1. Everything is a ratio to the raw epoll loop just before and after.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bundle_scenarios
import database_scenarios
import databases
import generate
import scenarios
from servers import ONE_THREAD, ROOT, BenchError, Programs

BASELINES = os.path.join(ROOT, "bench/baselines")
CONNECTIONS = 10_000

# figure: (budget, whether larger is better, how it is written)
BUDGETS = {
    "bare_to_raw": (0.90, True, "{:.2f}"),
    "bare_to_nginx": (1.15, True, "{:.2f}"),
    "store_to_nginx": (0.60, True, "{:.2f}"),
    "point_selects_to_pipeline": (0.80, True, "{:.2f}"),
    "point_selects_to_blocking": (3.00, True, "{:.2f}"),
    "pg_get_to_peer": (2.00, True, "{:.2f}"),
    "pg_get_p99_to_peer": (0.50, False, "{:.2f}"),
    "pg_list_to_peer": (2.00, True, "{:.2f}"),
    "pg_list_p99_to_peer": (0.50, False, "{:.2f}"),
    "bundle_to_raw": (0.65, True, "{:.2f}"),
    "bundle_to_nginx": (0.85, True, "{:.2f}"),
    "bundle_to_peer": (3.00, True, "{:.2f}"),
    "full_bundle_instructions": (14_000, False, "{:.0f}"),
    "bare_instructions": (3_000, False, "{:.0f}"),
    "bundle_instructions": (14_000, False, "{:.0f}"),
    "connections_served": (CONNECTIONS, True, "{:.0f}"),
    "bytes_per_connection": (4_096, False, "{:.0f}"),
    "cold_start_ms": (100, False, "{:.0f}"),
    "generate_s": (1.0, False, "{:.2f}"),
    "handler_compile_cpu_s": (1.0, False, "{:.2f}"),
}


def say(text=""):
    print(text, flush=True)


def speed(programs, rounds, seconds, figures):
    say(f"speed: {rounds} rounds of {seconds:g} s, 64 connections, one request in flight on each")
    result = scenarios.pairs(programs, rounds, seconds, say)
    say(f"  {'':12}{'requests/s':>12}{'of raw':>9}{'range':>16}{'of nginx':>10}{'cpu us':>9}{'p50 us':>9}{'p99 us':>9}")
    say(f"  {'raw epoll':12}{result['raw epoll']['rps']:12.0f}{1:9.2f}")
    for name in ("bare route", "nginx", "store"):
        row = result[name]
        span = f"{row['range'][0]:.2f}..{row['range'][1]:.2f}"
        say(f"  {name:12}{row['rps']:12.0f}{row['ratio']:9.2f}{span:>16}{row['to_nginx']:10.2f}{row['cpu_us']:9.2f}"
            f"{row['p50_us']:9.0f}{row['p99_us']:9.0f}")
    figures["bare_to_raw"] = result["bare route"]["ratio"]
    figures["bare_to_nginx"] = result["bare route"]["to_nginx"]
    figures["store_to_nginx"] = result["store"]["to_nginx"]
    figures["store_to_raw"] = result["store"]["ratio"]


def point_selects(build, rounds, seconds, figures):
    result = databases.point_selects(build, rounds, seconds)
    say(f"point selects on PostgreSQL, 64 at a time on one client core: kit {result['kit']:.0f}/s, libpq's pipeline {result['pipeline']:.0f}/s, "
        f"64 threads with a connection each {result['blocking']:.0f}/s")
    figures["point_selects_to_pipeline"] = result["to_pipeline"]
    figures["point_selects_to_blocking"] = result["to_blocking"]


def on_databases(options, rounds, seconds, figures):
    """What a database server is needed for."""
    point_selects(options.build, rounds, seconds, figures)
    with tempfile.TemporaryDirectory(prefix="kit-bench-") as scratch:
        figures.update(database_scenarios.against_peer(Programs(options.build, scratch), rounds, seconds, say))


def steady(programs, short, figures):
    if shutil.which("valgrind") is None:
        raise BenchError("valgrind is missing: apt-get install valgrind")
    count = 1_500 if short else 5_000
    figures["bare_instructions"] = scenarios.instructions(programs, programs.bare, count)
    say(f"instructions a request: bare route {figures['bare_instructions']:.0f}")

    def store(wrapper):
        return programs.store_server(wrapper, ONE_THREAD)

    def logs_probes(wrapper):
        return programs.store_server(wrapper, (*ONE_THREAD, "--log.levels=http=debug"))

    # The full bundle of today (router, limits, access log, counters) around a small JSON answer, then with the database.
    figures["bundle_instructions"] = scenarios.instructions(programs, logs_probes, count, "/healthz")
    say(f"instructions a request: full bundle, small JSON {figures['bundle_instructions']:.0f}")
    figures["store_instructions"] = scenarios.instructions(programs, store, count)
    say(f"instructions a request: full bundle, GET /api/v1/tracks/{{id}} {figures['store_instructions']:.0f} (no budget)")
    figures.update(bundle_scenarios.costs(programs, count, say))
    held = scenarios.hold(programs, CONNECTIONS, 59)
    figures["connections_served"] = min(held["served"], held["served_again"])
    figures["bytes_per_connection"] = held["bytes_each"]
    say(f"connections: {held['connections']} open, {held['served']} served, {held['served_again']} served again, "
        f"{held['bytes_each']:.0f} bytes each while idle, exit status {held['exit']}")
    figures["cold_start_ms"] = scenarios.cold_start(programs, 5 if short else 15)
    say(f"cold start to the first track: {figures['cold_start_ms']:.0f} ms")


def machine():
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), platform.machine())
    return "-".join("".join(c if c.isalnum() else " " for c in model.lower()).split())


def compare_with_baseline(figures):
    path = os.path.join(BASELINES, machine() + ".json")
    if not os.path.exists(path):
        return
    with open(path) as file:
        known = json.load(file)
    for name, value in sorted(figures.items()):
        old = known["figures"].get(name)
        if not old or name not in BUDGETS:
            continue
        change = value / old - 1
        worse = -change if BUDGETS[name][1] else change
        if worse > 0.10:
            say(f"note: {name} is {worse:.0%} worse than on {known['date']} ({old:g})")


def save(figures):
    os.makedirs(BASELINES, exist_ok=True)
    path = os.path.join(BASELINES, machine() + ".json")
    with open(path, "w") as file:
        json.dump({"date": datetime.date.today().isoformat(), "cpus": os.cpu_count(), "kernel": platform.release(),
                   "figures": {name: round(value, 3) for name, value in sorted(figures.items())}}, file, indent=2)
        file.write("\n")
    say(f"kept as {os.path.relpath(path, ROOT)}")


def judge(figures):
    """The closing line, and whether every budget that was measured holds."""
    parts, broken = [], []
    for name, (budget, larger, form) in BUDGETS.items():
        if name not in figures:
            continue
        value = figures[name]
        good = value >= budget if larger else value <= budget
        text = f"{name} {form.format(value)} ({'>=' if larger else '<='} {form.format(budget)})"
        parts.append(text)
        if not good:
            broken.append(text)
    if broken:
        return "FAIL bench: over budget: " + ", ".join(broken), False
    return "PASS bench: " + ", ".join(parts), True


def measure_programs(options, rounds, seconds, figures):
    """Everything that no database server is needed for."""
    with tempfile.TemporaryDirectory(prefix="kit-bench-") as scratch:
        programs = Programs(options.build, scratch)
        with programs.store_server(pinned=False) as first:
            scenarios.wait_imported(first)
            say(f"first start with an empty database: ready after {time.monotonic() - first.started:.2f} s")
        if not options.check:
            speed(programs, rounds, seconds, figures)
            say(f"the bundle before the bare route, each request with a token: {rounds} rounds of {seconds:g} s")
            figures.update(bundle_scenarios.ratios(programs, rounds, seconds, say))
            bundle_scenarios.times(programs, 3 if options.short else 5, seconds, say)
        steady(programs, options.short, figures)
    costs, text = generate.measure(pathlib.Path(options.build).resolve(), 100, 3 if options.short else 5, 3 if options.short else 5)
    say(text)
    figures.update(costs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="a release build")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--databases", action="store_true")
    options = parser.parse_args()
    if options.check and options.databases:
        parser.error("--check has nothing of --databases: rates depend on load")
    figures = {}
    rounds, seconds = options.rounds or (3 if options.short else 7), options.seconds or (1 if options.short else 2)
    try:
        if (os.cpu_count() or 1) < 2:
            raise BenchError("two processors are needed, one for the server and one for the load")
        if not options.check:
            on_databases(options, rounds, seconds, figures)
        if not options.databases:
            measure_programs(options, rounds, seconds, figures)
    except BenchError as error:
        print(f"FAIL bench: {error}")
        return 1
    compare_with_baseline(figures)
    if options.save:
        save(figures)
    line, good = judge(figures)
    print(line)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

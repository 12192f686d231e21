# SPDX-License-Identifier: Apache-2.0
"""Two endpoints of the music store on PostgreSQL, beside the same two of a Go server (peer/main.go: gin, database/sql, pgx).

Each server is alone on one processor; PostgreSQL and the load share the other, for both alike. That is as if the database
were another machine: what it needs for a request is never taken from the server that is measured, and a server that gives
it less work per request has the good of it. The load holds one request in flight on each of 64 connections."""
import datetime
import json
import os
import statistics
import subprocess
import urllib.request

import scenarios
from databases import database_servers, pin
from servers import LOAD_CPU, ONE_THREAD, BenchError, Server, build_go, free_port

PATHS = {"get": "/api/v1/tracks/1666", "list": "/api/v1/tracks?limit=20"}
CONNECTIONS = 64


def start_peer(program, url):
    port = free_port()
    return Server("peer", ["env", "GOMAXPROCS=1", "TZ=UTC", program, str(port), url], port, PATHS["get"])


def body(server, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=30) as answer:
        return json.load(answer)


def with_times(row):
    """Go writes no zeros at the end of a second's parts: times are compared as such."""
    return {name: datetime.datetime.fromisoformat(value) if name.endswith("_at") else value for name, value in row.items()}


def check_same_rows(store, peer):
    """Both answer with the same rows and fields; only the store's list says where the next page begins."""
    for name, path in PATHS.items():
        ours, theirs = body(store, path), body(peer, path)
        ours, theirs = (of["items"] if name == "list" else [of] for of in (ours, theirs))
        if len(ours) != (20 if name == "list" else 1):
            raise BenchError(f"{path} has {len(ours)} rows")
        ours, theirs = ([with_times(row) for row in of] for of in (ours, theirs))
        if ours != theirs:
            raise BenchError(f"{path}: the store and the peer do not answer alike:\n{ours}\n{theirs}")


def nanoseconds(postgres):
    """{process: CPU time} of PostgreSQL; many have had less than one of the ticks that `scenarios.ticks` counts in."""
    times = {}
    for pid in [postgres.process.pid] + scenarios.children(postgres.process.pid):
        try:
            with open(f"/proc/{pid}/schedstat") as file:
                times[pid] = int(file.read().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # one at odd jobs that has just ended
    return times


def run_once(programs, server, postgres, path, seconds):
    server.path = path
    ticks, times = scenarios.ticks(server), nanoseconds(postgres)
    run = scenarios.load(programs, server, seconds, CONNECTIONS)
    requests = max(1, run["requests"])
    run["cpu_us"] = (scenarios.ticks(server) - ticks) * 1e6 / requests
    run["postgres_us"] = sum(now - times.get(pid, 0) for pid, now in nanoseconds(postgres).items()) / 1e3 / requests
    return run


def compare(programs, store, peer, postgres, path, rounds, seconds):
    """{"store": ..., "peer": ..., "rps": ratio, "p99": ratio, "range"}; medians of rounds, whose order is turned each time."""
    runs = {"store": [], "peer": []}
    for server in (store, peer):
        run_once(programs, server, postgres, path, 0.5)
    for number in range(rounds):
        for server in (store, peer) if number % 2 == 0 else (peer, store):
            runs[server.name].append(run_once(programs, server, postgres, path, seconds))
    result = {name: {key: statistics.median(run[key] for run in of) for key in of[0]} for name, of in runs.items()}
    for key, of in (("rps", "rps"), ("p99", "p99_us")):
        ratios = [ours[of] / max(1, theirs[of]) for ours, theirs in zip(runs["store"], runs["peer"])]
        result[key], result[key + "_range"] = statistics.median(ratios), (min(ratios), max(ratios))
    return result


def say_table(results, say):
    say(f"  {'':16}{'requests/s':>11}{'p50 us':>8}{'p99 us':>8}{'cpu us':>8}{'PostgreSQL us':>15}"
        f"{'throughput':>20}{'p99':>20}")
    for name, result in results.items():
        for server in ("store", "peer"):
            row = result[server]
            line = (f"  {name + ', ' + server:16}{row['rps']:11.0f}{row['p50_us']:8.0f}{row['p99_us']:8.0f}{row['cpu_us']:8.1f}"
                    f"{row['postgres_us']:15.1f}")
            if server == "store":
                for key in ("rps", "p99"):
                    low, high = result[key + "_range"]
                    line += f"{f'{result[key]:.2f} ({low:.2f}..{high:.2f})':>20}"
            say(line)


def against_peer(programs, rounds, seconds, say):
    """Figures for the judge: pg_get_to_peer, pg_get_p99_to_peer and the same of the list."""
    say(f"store on PostgreSQL, and a Go peer (gin, database/sql, pgx): {rounds} rounds of {seconds:g} s, {CONNECTIONS} connections;")
    say("  each server alone on cpu 0 with one thread, PostgreSQL and the load on cpu 1 for both alike; cpu us are of one request")
    program = build_go(programs.scratch, "peer")
    with database_servers.Postgres() as postgres:
        pin(postgres, LOAD_CPU)
        postgres.load("bench", "SELECT 1;")
        # Said for both: this server has a certificate, and pgx would use TLS where libpq on this machine does not.
        url = postgres.url("bench") + "?sslmode=disable"
        settings = (*ONE_THREAD, f"--database.url={url}")
        with programs.store_server(settings=settings, pinned=False) as first:
            scenarios.wait_imported(first)
        postgres.psql("VACUUM ANALYZE", "bench")
        with programs.store_server(settings=settings) as store, start_peer(program, url) as peer:
            scenarios.wait_imported(store)
            peer.wait_ready()
            check_same_rows(store, peer)
            results = {name: compare(programs, store, peer, postgres, path, rounds, seconds) for name, path in PATHS.items()}
    say_table(results, say)
    figures = {}
    for name, result in results.items():
        figures[f"pg_{name}_to_peer"], figures[f"pg_{name}_p99_to_peer"] = result["rps"], result["p99"]
    return figures

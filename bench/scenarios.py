# SPDX-License-Identifier: Apache-2.0
"""What is measured. Speed is measured in pairs: every run stands between two runs of the raw epoll loop, and only the
ratio to these two counts, because absolute figures drift with the machine."""
import glob
import json
import os
import statistics
import subprocess

from servers import LOAD_CPU, ONE_THREAD, BenchError, allow_descriptors


def load(programs, server, seconds, connections=64, field=None):
    done = subprocess.run(["taskset", "-c", LOAD_CPU, programs.tool("load"), str(server.port), server.path,
                           str(connections), str(seconds), *([field] if field else [])], capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchError(f"load on {server.name}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def ticks(server):
    """CPU seconds, user and system, of a server and its children."""
    user = system = 0
    for pid in [server.process.pid] + children(server.process.pid):
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        user += int(fields[11])
        system += int(fields[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def children(pid):
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(path) as file:
            found += [int(child) for child in file.read().split()]
    return found


def pairs(programs, rounds, seconds, say):
    """{name: {"ratio": to raw epoll, "to_nginx": ..., "rps", "p50_us", "p99_us", "cpu_us"}}"""
    with programs.raw() as raw, programs.bare() as bare, programs.nginx() as nginx, \
            programs.store_server(settings=ONE_THREAD) as store:
        servers = [bare, nginx, store]
        for server in [raw] + servers:
            server.wait_ready()
        wait_imported(store)
        for server in [raw] + servers:
            load(programs, server, 0.3)
        runs = {server.name: [] for server in servers}
        raws = []
        for number in range(rounds):
            left = load(programs, raw, seconds)
            ratios = {}
            for server in servers if number % 2 == 0 else servers[::-1]:
                before = ticks(server)
                run = load(programs, server, seconds)
                run["cpu_us"] = (ticks(server) - before) / max(1, run["requests"]) * 1e6
                right = load(programs, raw, seconds)
                run["ratio"] = ratios[server.name] = run["rps"] / ((left["rps"] + right["rps"]) / 2)
                runs[server.name].append(run)
                raws.append(right["rps"])
                left = right
            for server in servers:
                runs[server.name][-1]["to_nginx"] = ratios[server.name] / ratios["nginx"]
            say(f"  round {number + 1}/{rounds}: " + ", ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items()))
    result = {name: {key: statistics.median(run[key] for run in of) for key in of[0]} for name, of in runs.items()}
    for name, of in runs.items():
        result[name]["range"] = [round(min(run["ratio"] for run in of), 3), round(max(run["ratio"] for run in of), 3)]
    result["raw epoll"] = {"rps": statistics.median(raws), "ratio": 1.0}
    return result


def wait_imported(store):
    """The first start reads the CSV files; nothing is measured before that is over."""
    path, store.path = store.path, "/readyz"
    store.wait_ready()
    store.path = path


def instructions(programs, make, count, path=None, field=None):
    """User instructions a request: the difference of two runs of different length, so that the start does not count."""
    totals = []
    for number, requests in enumerate((count // 5, count)):
        out = os.path.join(programs.scratch, f"callgrind.{number}")
        wrapper = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={out}"]
        with make(wrapper) as server:
            server.wait_ready(limit=120, pause=0.2)
            if server.name == "store":
                wait_imported(server)
            server.path = path or server.path
            load(programs, server, f"={requests}", connections=8, field=field)
        with open(out) as file:
            totals.append(next(int(line.split()[1]) for line in file if line.startswith(("summary:", "totals:"))))
    return (totals[1] - totals[0]) / (count - count // 5)


def hold(programs, connections, addresses):
    """Opens keep-alive connections to the example on its default limits; every one is served, held idle, served again."""
    with programs.store_server(pinned=False) as store:
        wait_imported(store)
        for _ in range(200):
            store.status()
        before = store.resident_bytes()
        client = subprocess.Popen([programs.tool("hold"), str(store.port), store.path, str(connections), str(addresses)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=allow_descriptors)
        first = json.loads(client.stdout.readline() or "{}")
        bytes_each = (store.resident_bytes() - before) / connections
        rest, _ = client.communicate("\n", timeout=300)
        second = json.loads(rest or "{}")
        return {"connections": connections, "served": first.get("served", 0), "served_again": second.get("served", 0),
                "bytes_each": bytes_each, "exit": store.stop()}


def cold_start(programs, runs):
    """Milliseconds from exec to the first 200 of an entity, with the data already there; the median."""
    times = []
    for _ in range(runs):
        with programs.store_server(pinned=False) as store:
            times.append(store.wait_ready(pause=0.0005) * 1000)
    return statistics.median(times)

# SPDX-License-Identifier: Apache-2.0
"""Database servers under the same programs: PostgreSQL on one processor, the client on the other."""
import importlib.util
import json
import os
import pathlib
import subprocess

from servers import LOAD_CPU, ROOT, SERVER_CPU, BenchError

# A module of the same name as this folder's.
_spec = importlib.util.spec_from_file_location("database_servers", os.path.join(ROOT, "tests/adopt/servers.py"))
database_servers = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(database_servers)


def pin(server, cpu=SERVER_CPU):
    """What it starts later is where it is."""
    process = server.process.pid
    children = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()
    for one in [process, *map(int, children)]:
        os.sched_setaffinity(one, {int(cpu)})


def point_selects(build, rounds, seconds):
    """Rates of kit, of libpq's pipeline and of blocking connections, and kit's ratios to them."""
    program = os.path.join(os.path.abspath(build), "bench/bench_point_selects")
    if not os.path.exists(program):
        raise BenchError(f"{program} is missing: it is built where libpq-dev is")
    with database_servers.Postgres() as server:
        pin(server)
        server.load("bench", "SELECT 1;")
        done = subprocess.run(["taskset", "-c", LOAD_CPU, program, server.url("bench"), str(seconds), str(rounds)], capture_output=True, text=True)
        if done.returncode != 0:
            raise BenchError(f"point selects: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

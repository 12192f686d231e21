#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An old database becomes a running service: DDL -> schema from-db -> kitgen new -> generate -> build -> start -> every
entity tried by rules that come from the schema.

Usage: adopt_test.py --build build/debug --compiler clang++-19 [--ddl other.sqlite.sql]

Ends with one line, PASS or FAIL.
"""
import argparse
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import crud_from_model

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def run(command, **options):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit {result.returncode}\n{result.stdout[-6000:]}")
    return result.stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_ready(port, process, log, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"the service ended with {process.returncode}\n{log.read_text()[-4000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)  # polls until the service is ready
    sys.exit(f"not ready after {seconds} s\n{log.read_text()[-4000:]}")


def make_database(path, ddl):
    """Makes the old database; how many tables it has."""
    database = sqlite3.connect(path)
    database.executescript(ddl.read_text())
    tables = database.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    count = tables.fetchone()[0]
    database.close()
    return count


def make_project(kitgen, scratch, database):
    """A project whose schema comes from the database."""
    project = scratch / "rental"
    run([kitgen, "new", "rental", "--dir", project])
    schema = project / "api/rental.yaml"
    schema.unlink()
    run([kitgen, "schema", "from-db", "--database", database, "--output", schema, "--service", "rental"])
    run([kitgen, "generate", "--project", project, "--recreate-migrations"])
    run([kitgen, "generate", "--project", project, "--check"])
    return project


def build_project(project, compiler):
    environment = {**os.environ, "CMAKE_BUILD_TYPE": "Debug", "CXX": compiler, "CCACHE_NOHASHDIR": "1"}
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # this may run inside `make test`
        environment.pop(name, None)
    run(["make", "build", f"KIT_ROOT={ROOT}"], cwd=project, env=environment)
    return project / "build/release/rental"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--compiler", default="clang++-19")
    parser.add_argument("--ddl", type=pathlib.Path, default=HERE / "rental.sqlite.sql")
    options = parser.parse_args()
    kitgen = pathlib.Path(options.build).resolve() / "kitgen/cli/kitgen"
    with tempfile.TemporaryDirectory(prefix="kit-adopt-") as scratch:
        scratch = pathlib.Path(scratch)
        tables = make_database(scratch / "old.db", options.ddl)
        project = make_project(kitgen, scratch, scratch / "old.db")
        binary = build_project(project, options.compiler)
        port, log = free_port(), scratch / "service.log"
        command = [binary, f"--http.port={port}", "--admin.port=0", f"--database.path={scratch}/new.db"]
        with log.open("w") as output:
            process = subprocess.Popen(command, cwd=project, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_ready(port, process, log)
            good = crud_from_model.try_all(kitgen, project, f"http://127.0.0.1:{port}")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.returncode != 0:
            sys.exit(f"the service ended with {process.returncode}\n{log.read_text()[-4000:]}")
    print(f"{'PASS' if good else 'FAIL'} adopt: SQLite, {tables} tables, to a service")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`kitgen new shop`, `cd shop`, `make run`, outside the tree, with kit installed or as a source checkout.

Usage: package_test.py installed|checkout --build build/debug --compiler clang++-19
"""

import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def run(command, **options):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit {result.returncode}\n{result.stdout}")
    return result.stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def request(port, path, body=None):
    """Status and text."""
    call = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body and json.dumps(body).encode(),
                                  headers={"Content-Type": "application/json"} if body else {})
    try:
        with urllib.request.urlopen(call, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wait_ready(port, process, log, seconds=900):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"make run ended with {process.returncode}\n{log.read_text()}")
        try:
            if request(port, "/readyz")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"not ready after {seconds} s\n{log.read_text()}")


def expect(wanted, got, what):
    if wanted != got:
        sys.exit(f"{what}: wanted {wanted!r}, got {got!r}")


def try_service(port):
    expect(200, request(port, "/")[0], "start page")
    expect(200, request(port, "/docs")[0], "reference")
    status, text = request(port, "/api/v1/categories", {"name": "Tools"})
    expect(201, status, f"create: {text}")
    category = json.loads(text)
    status, text = request(port, "/api/v1/items", {"name": "Hammer", "price": "12.50", "category_id": category["id"]})
    expect(201, status, f"create: {text}")
    status, text = request(port, "/api/v1/items?price.gte=12.50&expand=category")
    expect(200, status, f"list: {text}")
    if '"Hammer"' not in text or '"Tools"' not in text:
        sys.exit(f"list: {text}")
    expect(400, request(port, "/api/v1/items", {"name": "Saw", "price": "-1"})[0], "negative price")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=["installed", "checkout"])
    parser.add_argument("--build", required=True)
    parser.add_argument("--compiler", default="clang++-19")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kit-package-") as scratch:
        scratch = pathlib.Path(scratch)
        port = free_port()
        environment = {**os.environ, "KIT_HTTP_PORT": str(port), "CMAKE_BUILD_TYPE": "Debug", "CXX": options.compiler,
                       "CCACHE_NOHASHDIR": "1"}
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # this may run inside `make test`
            environment.pop(name, None)
        settings = []
        if options.way == "installed":
            run(["cmake", "--install", options.build, "--prefix", scratch / "prefix"])
            environment["PATH"] = f"{scratch}/prefix/bin:{environment['PATH']}"
            environment["CMAKE_PREFIX_PATH"] = str(scratch / "prefix")
            settings = [f"CHECK={scratch}/prefix/share/kit/check_layers.py"]
        else:
            kitgen = pathlib.Path(options.build).resolve() / "kitgen/cli"
            environment["PATH"] = f"{kitgen}:{environment['PATH']}"
            settings = [f"KIT_ROOT={ROOT}"]
        run(["kitgen", "new", "shop"], cwd=scratch, env=environment)
        log = scratch / "run.log"
        with log.open("w") as output:
            process = subprocess.Popen(["make", "run", *settings], cwd=scratch / "shop", env=environment, stdout=output,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        try:
            wait_ready(port, process, log)
            try_service(port)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                sys.exit(f"did not stop\n{log.read_text()}")
        if options.way == "installed":
            run(["make", "test", *settings], cwd=scratch / "shop", env=environment)
    print(f"PASS package: kitgen new shop, make run, {options.way}")


if __name__ == "__main__":
    main()

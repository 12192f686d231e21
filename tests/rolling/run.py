#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Restarts under load that nobody notices.

    tests/rolling/run.py --build build/release [--restarts=20] [--short] [--kill]

Two instances with default settings stand behind nginx with its defaults (kept connections to them, the next one is asked
on an error). While requests come at a constant rate, one instance after the other gets SIGTERM, must end with 0 and is
started again; the next is taken once nginx asks the new one. No request may fail. --kill uses SIGKILL, to show that
failures are seen. --short: few restarts with a short drain interval.
Ends with one line, PASS or FAIL.
"""
import argparse
import collections
import http.client
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

RATE = 200  # requests a second
REQUESTS = [("GET", "/who"), ("GET", "/who"), ("GET", "/later"), ("POST", "/who"), ("POST", "/later")]


class Failure(Exception):
    pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, method, path, timeout=15):
    """(status, body) on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, b"x" if method == "POST" else None, {"Content-Type": "text/plain"} if method == "POST" else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


class Instance:
    def __init__(self, binary, folder, number, settings):
        self.port, self.folder, self.process = free_port(), folder, None
        self.command = [binary, "--env=prod", f"--http.port={self.port}", "--admin.port=0", f"--database.path={folder}/{number}.db", *settings]
        self.log = open(folder / f"{number}.log", "ab")

    def start(self):
        self.process = subprocess.Popen(self.command, cwd=self.folder, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Failure(f"an instance ended with {self.process.returncode}:\n" + pathlib.Path(self.log.name).read_text()[-1500:])
            try:
                if ask(self.port, "GET", "/readyz", 2)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.01)  # polls until the instance is ready
        raise Failure("an instance was not ready within 30 s")

    def stop(self, how=signal.SIGTERM):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(how)
        if self.process.wait(60) != 0 and how == signal.SIGTERM:
            raise Failure(f"an instance ended with {self.process.returncode} after SIGTERM")


class Nginx:
    def __init__(self, folder, instances, fail_timeout):
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        if not os.path.exists(binary):
            raise Failure("nginx is missing: apt-get install nginx-light")
        self.port = free_port()
        temporary = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        servers = "".join(f"server 127.0.0.1:{instance.port}{fail_timeout}; " for instance in instances)
        config = folder / "nginx.conf"
        config.write_text(
            f"worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/nginx.log warn; events {{ }}\n"
            f"http {{ access_log off; {temporary}\nupstream service {{ {servers} keepalive 32; }}\n"
            f"server {{ listen 127.0.0.1:{self.port}; location / {{ proxy_pass http://service; proxy_http_version 1.1; "
            "proxy_set_header Connection ''; } } }\n")
        self.process = subprocess.Popen([binary, "-e", str(folder / "nginx.log"), "-p", str(folder), "-c", str(config)])

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Load:
    """Requests at a constant rate, whatever becomes of the ones before."""

    def __init__(self, port):
        self.port, self.sent, self.failures, self.lock = port, 0, [], threading.Lock()
        self.answered_by = collections.Counter()
        self.ended = threading.Event()
        self.due = time.monotonic()
        self.threads = [threading.Thread(target=self.work) for _ in range(40)]
        for thread in self.threads:
            thread.start()

    def work(self):
        while not self.ended.is_set():
            with self.lock:
                number, self.sent = self.sent, self.sent + 1
                self.due += 1 / RATE
                due = self.due
            if self.ended.wait(max(0, due - time.monotonic())):
                with self.lock:
                    self.sent -= 1
                return
            method, path = REQUESTS[number % len(REQUESTS)]
            try:
                status, body = ask(self.port, method, path)
                problem = None if status == 200 and body.isdigit() else f"{method} {path}: {status} {body[:80]!r}"
            except (OSError, http.client.HTTPException) as failure:
                problem = f"{method} {path}: {failure!r}"
            with self.lock:
                if problem:
                    self.failures.append(problem)
                else:
                    self.answered_by[int(body)] += 1

    def wait_for(self, process):
        """Until nginx asks that process, and not only with what it dialled before: a connection that begins while a listener
        closes is tried again by the system a second later, and reaches the next instance."""
        end = time.monotonic() + 30
        while self.answered_by[process.pid] < RATE / 4:
            if time.monotonic() > end:
                raise Failure("nginx does not ask the new instance within 30 s")
            time.sleep(0.02)  # polls until an answer of it came

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def roll(instances, load, restarts, how):
    slowest = 0.0
    for number in range(restarts):
        instance = instances[number % len(instances)]
        begun = time.monotonic()
        instance.stop(how)
        slowest = max(slowest, time.monotonic() - begun)
        instance.start()
        load.wait_for(instance.process)
        print(f"\rrestart {number + 1}/{restarts}: {load.sent} requests, {len(load.failures)} failed", end="", flush=True)
    print()
    return slowest


def run(options, folder):
    restarts = options.restarts or (4 if options.short else 20)
    settings = ["--app.drain_interval=300ms"] if options.short else []
    binary = pathlib.Path(options.build).resolve() / "tests/rolling/kit_rolling_service"
    instances = [Instance(binary, folder, number, settings) for number in range(2)]
    nginx = load = None
    try:
        for instance in instances:
            instance.start()
        nginx = Nginx(folder, instances, " fail_timeout=1s" if options.short else "")
        load = Load(nginx.port)
        for instance in instances:
            load.wait_for(instance.process)
        load.failures.clear()  # of before nginx listened
        slowest = roll(instances, load, restarts, signal.SIGKILL if options.kill else signal.SIGTERM)
    finally:
        if load:
            load.stop()
        for instance in instances:
            instance.stop()
        if nginx:
            nginx.stop()
    for failure in load.failures[:10]:
        print(failure)
    if load.failures:  # what nginx says of requests that it may not send again
        log = (folder / "nginx.log").read_text(errors="replace").splitlines()
        print("\n".join([line for line in log if "POST" in line and "Connection refused" not in line][:10]))
    return len(load.failures) == 0 and load.sent > restarts, (
        f"{restarts} restarts, {load.sent} requests at {RATE}/s, {len(load.failures)} failed, every exit 0, slowest end {slowest:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--restarts", type=int)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--kill", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            good, figures = run(options, pathlib.Path(folder))
        except (Failure, subprocess.TimeoutExpired) as failure:
            good, figures = False, str(failure)
    print(f"{'PASS' if good else 'FAIL'} rolling: {figures}")
    return not good


if __name__ == "__main__":
    sys.exit(main())

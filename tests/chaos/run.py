#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A bad network between a service and its database, and a Redis: what its clients see, and whether all is well once it has healed.

    tests/chaos/run.py --build build/release [--kinds postgres,mariadb,redis] [--faults delay,corrupt] [--seconds 8] [--short]

The music store runs behind tests/chaos/proxy.hpp, under a load of reads and of writes that are repeated with their
Idempotency-Key until they are answered. Each fault is switched on for a while and off again. Then, and that is what
is asserted:
- every request was answered within its deadline and a margin, with a status that says "later" when it failed;
- those begun two seconds after a fault has ended do not fail;
- tasks, descriptors, connections and memory are back at what they were;
- what was acknowledged is there once.

Ends with one line, PASS or FAIL.
"""
import argparse
import collections
import http.client
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "adopt"), str(ROOT / "tests" / "redis")]
import redis_servers  # noqa: E402
import servers  # noqa: E402

STORE = ROOT / "examples" / "store"
DEADLINE = 2.0  # seconds that each request has
MARGIN = 3.0  # of the machine, not of the service
RECOVERY = 2.0
WORKERS = 8
# name, amount, and whether a client may see more than 503 and 504
FAULTS = [("delay", 50, False), ("blackhole", 0, False), ("reset", 0, False), ("trickle", 0, False), ("cut", 3000, False),
          ("throttle", 4000, False), ("refuse", 0, False), ("corrupt", 7, True)]
LATER = {503, 504}


class Failure(Exception):
    pass


class Proxy:
    def __init__(self, build, port):
        self.process = subprocess.Popen([build / "tests/chaos/kit_chaos_proxy", "127.0.0.1", str(port)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer.startswith("no "):
            raise Failure(f"the proxy does not know {line}")
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class Service:
    """The store on a database that it reaches through the proxy."""

    def __init__(self, build, folder, url):
        self.port, self.admin = servers.free_port(), servers.free_port()
        self.log_path = folder / "store.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [build / "examples/store/store", f"--http.port={self.port}", f"--admin.port={self.admin}", f"--database.url={url}",
                 "--import.on_start=false", "--log.level=warn", "--http.threads=2"], cwd=STORE, stdout=log, stderr=log)
        self.wait_until(lambda: self.get("/readyz", 5)[0] == 200, "the service is not ready", 60)

    def wait_until(self, met, what, seconds):
        end = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None:
                raise Failure(f"the service ended with {self.process.returncode}:\n{self.log_path.read_text()[-3000:]}")
            try:
                if met():
                    return
            except OSError:
                pass
            if time.monotonic() > end:
                raise Failure(f"{what}\n{self.log_path.read_text()[-3000:]}")
            time.sleep(0.05)  # polls

    def get(self, path, timeout, admin=False):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin if admin else self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def figures(self):
        """What must not grow."""
        lines = self.get("/metrics", 5, admin=True)[1].decode().splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if line and line[0] != "#")
        live = {key: float(value) for key, value in values.items() if key.startswith("process_live_objects{")}
        descriptors = len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))
        return {"live": live, "descriptors": descriptors, "memory": float(values["process_resident_memory_bytes"])}

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise Failure("the service did not end within 40 s of SIGTERM")
            if self.process.returncode != 0:
                raise Failure(f"the service ended with {self.process.returncode}")


Outcome = collections.namedtuple("Outcome", "fault begun seconds status kind text")


class Load:
    """Clients that never stop: each reads, and writes with a key until the write is answered."""

    def __init__(self, port):
        self.port = port
        self.fault = "pass"
        self.outcomes = []
        self.changed = set()  # what was on its way while bits were turned: it may have another name, or another key
        self.acknowledged = set()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(number,)) for number in range(WORKERS)]
        for thread in self.threads:
            thread.start()

    def work(self, number):
        dice = random.Random(number)
        connection, count = None, 0
        while not self.stopping.is_set():
            count += 1
            name, begun_in = f"artist {number} {count}", self.fault
            while True:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                status, body, connection = self.ask(connection, "POST", "/api/v1/artists", json.dumps({"name": name}), f"chaos-{number}-{count}")
                if "corrupt" in (begun_in, self.fault):
                    self.changed.add(name)
                if status == 201:
                    self.acknowledged.add(name)
                    last = json.loads(body)["id"]
                    status, body, connection = self.ask(connection, "GET", f"/api/v1/artists/{last}", None, None)
                    break
                if self.stopping.is_set() and (status not in LATER or self.fault != "pass"):
                    break
                if isinstance(status, int) and 400 <= status < 500:
                    break  # judged below; asking again would not help
                time.sleep(dice.uniform(0.005, 0.05))  # as a client that was told to come later
        if connection is not None:
            connection.close()

    def ask(self, connection, method, path, body, key):
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Request-Timeout-Ms": str(int(DEADLINE * 1000))}
        if body:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": key}
        fault, begun = self.fault, time.monotonic()
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            status, text = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as problem:
            status, text = type(problem).__name__, b""
            connection.close()
            connection = None
        kept = text[:300] if status not in (200, 201) else b""
        self.outcomes.append(Outcome(fault, begun, time.monotonic() - begun, status, method, kept))
        return status, text, connection

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
            if thread.is_alive():
                raise Failure("a client never got an answer")


def judge(load, phases):
    """Raises for the first thing that was not as it must be. The figures of each fault otherwise."""
    lines = []
    for fault, begin, end, loose in phases:
        during = [one for one in load.outcomes if one.begun + one.seconds >= begin and one.begun < end]
        after = [one for one in load.outcomes if end <= one.begun < end + RECOVERY + 1]
        failed = [one for one in during if not isinstance(one.status, int) or one.status >= 300]
        late = [one for one in during + after if one.seconds > DEADLINE + MARGIN]
        if late:
            raise Failure(f"{fault}: {late[0].kind} took {late[0].seconds:.1f} s of at most {DEADLINE} s: {late[0].status}")
        strange = [one for one in failed if one.status not in LATER]
        if strange and not loose:
            raise Failure(f"{fault}: {len(strange)} answers that do not say 'later', such as {strange[0].kind}: {strange[0].status} {strange[0].text}")
        broken = [one for one in strange if not isinstance(one.status, int)]
        if broken:
            raise Failure(f"{fault}: a client lost its connection: {broken[0].kind} {broken[0].status}")
        # A request that had begun before may end with its deadline.
        not_healed = [one for one in after if one.status not in (200, 201)]
        if loose:
            # A session that turned bits have left with a lock, or with half a message, looks like any other: the first
            # request that meets it closes it. Those are few.
            few = [one for one in not_healed if one.begun - end > RECOVERY]
            if len(few) * 100 <= len(after):
                not_healed = [one for one in not_healed if one not in few]
        slowest = max((one.begun - end for one in not_healed), default=0.0)
        if slowest > RECOVERY:
            raise Failure(f"{fault}: a request begun {slowest:.2f} s after it had healed failed with {not_healed[-1].status} "
                          f"({len(not_healed)} of {len(after)}): {not_healed[-1].text.decode(errors='replace')}")
        if not [one for one in after if one.status == 201]:
            raise Failure(f"{fault}: nothing was written after it had healed")
        lines.append(f"{fault} {len(during)} requests, {len(failed)} failed, longest {max((one.seconds for one in during), default=0):.2f} s, "
                     f"healed after {slowest:.2f} s")
    return lines


def check_rows(service, load):
    """Every acknowledged row is there once."""
    found, cursor = collections.Counter(), ""
    while True:
        status, body = service.get(f"/api/v1/artists?limit=200{'&cursor=' + cursor if cursor else ''}", 10)
        if status != 200:
            raise Failure(f"the list of what is there: {status} {body[:300]}")
        page = json.loads(body)
        found.update(one["name"] for one in page["items"])
        cursor = page.get("next_cursor")
        if not cursor:
            break
    sure = load.acknowledged - load.changed
    lost = [name for name in sure if not found[name]]
    twice = [name for name, count in found.items() if count > 1 and name not in load.changed]
    if lost or twice:
        raise Failure(f"{len(lost)} acknowledged rows are lost {lost[:3]}, {len(twice)} are there twice {twice[:3]}")
    return len(sure)


def check_leaks(service, before):
    """As it was, within what a pool may keep. The memory that it grew by, in MB."""
    why = ""

    def is_back():
        nonlocal why
        now = service.figures()
        grown = {key: value for key, value in now["live"].items() if value > before["live"].get(key, 0) + 2}
        why = f"{grown} more alive, {now['descriptors'] - before['descriptors']} more descriptors"
        return not grown and now["descriptors"] <= before["descriptors"] + 4

    try:
        service.wait_until(is_back, "", 15)
    except Failure:
        raise Failure(f"15 s after the last request there is {why}") from None
    grown = service.figures()["memory"] - before["memory"]
    if grown > 64 * 1024 * 1024:
        raise Failure(f"the service has {grown / 1e6:.0f} MB more than before")
    return grown / 1e6


def run_redis(options):
    """The client itself, from one loop."""
    with redis_servers.Redis() as server:
        done = subprocess.run([options.build / "tests/chaos/kit_chaos_redis", str(server.port), str(max(1, int(options.seconds)))],
                              stdout=subprocess.PIPE, text=True)
    *lines, last = done.stdout.splitlines() or ["no output"]
    print("\n".join(lines))
    if done.returncode != 0 or not last.startswith("PASS "):
        raise Failure(f"redis: {last}")
    return last.removeprefix("PASS ")


def run_kind(kind, options, folder):
    if kind == "redis":
        return run_redis(options)
    with {"postgres": servers.Postgres, "mariadb": servers.MariaDb}[kind]() as server:
        server.load("chaos", "SELECT 1;")
        proxy = Proxy(options.build, server.port)
        service = load = None
        try:
            url = server.url("chaos").replace(f":{server.port}/", f":{proxy.port}/")
            service = Service(options.build, folder, url)
            load = Load(service.port)
            time.sleep(options.seconds)  # the load itself is what is measured: pools are as full as they get
            before = service.figures()
            phases = []
            for fault, amount, loose in FAULTS:
                if fault not in options.faults.split(","):
                    continue
                begin = time.monotonic()
                load.fault = fault
                proxy.ask(f"{fault} {amount}")
                # A request that begins with a black hole has to meet its deadline in it.
                time.sleep(max(options.seconds, DEADLINE + 1) if fault == "blackhole" else options.seconds)
                proxy.ask("pass")
                end = time.monotonic()
                time.sleep(RECOVERY + 2)  # how long it is looked at whether all is well again
                load.fault = "pass"
                phases.append((fault, begin, end, loose))
            load.stop()
            lines = judge(load, phases)
            rows = check_rows(service, load)
            memory = check_leaks(service, before)
            connections = int(proxy.ask("connections"))
            service.close()
            for line in lines:
                print(f"  {kind}: {line}")
            return f"{kind}: {len(load.outcomes)} requests, {rows} acknowledged rows all there once, memory +{memory:.1f} MB, {connections} connections"
        finally:
            if load is not None:
                load.stopping.set()
            if service is not None and service.process.poll() is None:
                service.process.kill()
                service.process.wait()
            proxy.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--kinds", default="postgres,mariadb,redis")
    parser.add_argument("--faults", default=",".join(fault for fault, *_ in FAULTS))
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    options.build = options.build.resolve()
    if options.short:
        options.seconds = 2
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kit-chaos-"))
    try:
        print("PASS chaos: " + "; ".join(run_kind(kind, options, folder) for kind in options.kinds.split(",")))
    except Failure as failure:
        log = folder / "store.log"
        if log.exists():
            print(log.read_text(errors="replace")[-1500:])
        print(f"FAIL chaos: {failure}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

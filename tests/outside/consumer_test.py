#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Another service takes the store's events from Redis into its own database and is killed at random moments: each event has its
effect there exactly once, those of one customer in their order.

    tests/outside/consumer_test.py --consumer PATH [--kills 30] [--seed N] [--forget]

Two processes of the service share the work; either is killed with SIGKILL while it takes events and started again, while the store
goes on. With --forget it has no inbox, and the check has to find that.

Ends with one line, PASS or FAIL.
"""
import argparse
import json
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from sales import Sales, until
import redis_servers


class Failure(Exception):
    pass


class Service:
    """Two processes on one database."""

    def __init__(self, program, folder, url, flags):
        self.program, self.file, self.url, self.flags = str(program), folder / "books.db", url, flags
        self.log = open(folder / "books.log", "ab")
        subprocess.run([self.program, "setup", str(self.file)], check=True, timeout=60)
        self.processes = [self.start(), self.start()]

    def start(self):
        return subprocess.Popen([self.program, "take", str(self.file), self.url, *self.flags], stderr=self.log)

    def rows(self, sql):
        with sqlite3.connect(self.file, timeout=30) as opened:
            return opened.execute(sql).fetchall()

    def count(self):
        return self.rows("SELECT count(*) FROM effects")[0][0]

    def check_alive(self):
        for process in self.processes:
            if process.poll() is not None:
                raise Failure(f"the service ended with {process.returncode}: {pathlib.Path(self.log.name).read_text()[-2000:]}")

    def kill_one(self, rng):
        self.check_alive()
        place = rng.randrange(2)
        self.processes[place].kill()
        self.processes[place].wait()
        self.processes[place] = self.start()

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.log.close()


class Load:
    """The store's customers change, until `end`."""

    def __init__(self, store):
        self.store, self.ended, self.problem = store, threading.Event(), None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            customers = [self.store.customer() for _ in range(5)]
            while not self.ended.is_set():
                for customer in customers:
                    self.store.change_email(customer)
                self.store.refund(customers[0])
        except BaseException as problem:  # told by `end`
            self.problem = problem

    def end(self):
        self.ended.set()
        self.thread.join()
        if self.problem:
            raise Failure(f"the store: {self.problem!r}")


def kill_again_and_again(service, kills, rng, until_found):
    """With `until_found`, until something was done twice."""
    for done in range(kills):
        if until_found and service.rows("SELECT 1 FROM effects GROUP BY message HAVING count(*) > 1 LIMIT 1"):
            break
        seen = service.count()
        until(lambda: service.check_alive() or service.count() > seen + 20, "the service takes events after a kill", 60)
        time.sleep(rng.uniform(0, 0.3))  # a random moment
        service.kill_one(rng)
        print(f"\r{done + 1}/{kills} kills", end="", flush=True)
    print()


def check(service, told):
    effects = service.rows("SELECT message, type, key, payload FROM effects ORDER BY id")
    again = len(effects) - len({effect[0] for effect in effects})
    if again:
        raise Failure(f"{again} of {len(effects)} effects were there twice")
    if len(effects) != len(told):
        raise Failure(f"{len(effects)} effects of {len(told)} events")
    if sum(row[0] for row in service.rows("SELECT n FROM totals")) != len(told):
        raise Failure("an effect is there by half")
    by_key = {}
    for _, kind, key, payload in effects:
        by_key.setdefault((kind, key), []).append(json.loads(payload))
    wanted = {}
    for kind, key, payload in told:
        wanted.setdefault((kind, key), []).append(payload)
    if by_key != wanted:
        raise Failure("effects are not those of the events, or out of their order")


def run(options, rng, folder):
    with redis_servers.Redis("--appendonly", "yes") as redis:
        store = Sales(redis.url())
        service = Service(options.consumer.resolve(), folder, redis.url(), ["--forget"] if options.forget else [])
        load = None
        try:
            load = Load(store)
            kill_again_and_again(service, options.kills, rng, options.forget)
            load.end()
            until(lambda: service.check_alive() or service.count() >= len(store.told) and store.waiting() == 0, "every event had its effect", 60)
            until(lambda: redis_is_done(redis), "every message is acknowledged", 60)
            check(service, store.told)
            return len(store.told)
        finally:
            if load:
                load.ended.set()
                load.thread.join()
            service.close()
            store.close()


def redis_is_done(redis):
    """Nothing is delivered and not acknowledged, in any stream of a topic."""
    streams = [key for key in redis.cli("KEYS", "kit:queue:{store.*}").splitlines() if key.endswith("}")]
    groups = [json.loads(redis.cli("--json", "XINFO", "GROUPS", key)) for key in streams]
    return bool(streams) and all(group["pending"] == 0 and group["lag"] in (0, None) for found in groups for group in found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--consumer", type=pathlib.Path, required=True)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(31))
    parser.add_argument("--forget", action="store_true")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kit-outside-"))
    try:
        events = run(options, random.Random(options.seed), folder)
    except (Failure, AssertionError) as failure:
        print(f"FAIL events consumer: {failure} (seed {options.seed})")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"PASS events consumer: {options.kills} kills, {events} events, each with its effect once and in its order")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A store's configuration is changed while it is under load: every change counts, no request fails, nothing is left behind.

    tests/reload/run.py --build build/release [--short] [--fault unsent|connections]

Limits, levels, sampler, breaker, shedding and what tokens have to be are changed one after the other and back, each shown to
be in force afterwards; files that are wrong change nothing; then 1 000 reloads (--short: 100), of which no two are alike.
--fault: SIGHUP is not sent, or a connection is left open with each reload, which must be noticed. Ends with one line, PASS or
FAIL.
"""
import argparse
import os
import pathlib
import socket
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "metrics")]
from load import Failure  # noqa: E402

MIB = 1024 * 1024
#: Reloads before memory is looked at: what is kept of each thread and rule is there by then.
WARM_UP = 200


def wait_until(what, holds, seconds=20):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise Failure(what)
        time.sleep(0.02)


def show_in_force(site, changes):
    """Each change counts when it has been read and not before, and no longer when it is taken back."""
    for name, change, is_in_force in changes:
        if is_in_force():
            raise Failure(f"{name}: is in force before it was asked for")
        site.reload(change)
        wait_until(f"{name} is not in force", is_in_force)
        site.reload({})
        wait_until(f"{name} is in force after it was taken back", lambda: not is_in_force())
    # Shedding was one of the first.
    site.load.may_be_shed = False
    return len(changes)


def show_refused(site, files):
    """What is wrong is told in the log, and all of it changes nothing."""
    before = site.state()
    for name, content, words in files:
        line = site.reload_text(content)
        if line["message"] != "the configuration stays as it was" or line["level"] != "error":
            raise Failure(f"{name} was taken: {line}")
        if words not in str(line):
            raise Failure(f"{name} is refused with {line['error']}, which does not say {words!r}")
        if site.secret in str(line):
            raise Failure(f"{name}: the log tells the secret")
        after = site.state()
        if after != before:
            raise Failure(f"{name} was refused and changed {[key for key in before if before[key] != after[key]]}")
    # What was missing did not go away by that.
    site.reload({})
    return len(files)


def figures(site):
    """Memory at its lowest of some moments, descriptors, tasks: with the load."""
    looks = []
    for _ in range(10):
        looks.append(site.metrics("process_resident_memory_bytes", "process_open_fds", 'process_live_objects{kind="tasks",of=""}'))
        time.sleep(0.05)
    return [min(column) for column in zip(*looks)]


def reload_often(site, count, fault):
    """The figures before and after `count` reloads, and reloads a second."""
    kept = []
    for number in range(WARM_UP):
        site.reload(site.numbered(number))
    before = figures(site)
    begun = time.monotonic()
    for number in range(WARM_UP, WARM_UP + count):
        site.reload(site.numbered(number))
        if fault == "connections":
            kept.append(socket.create_connection(("127.0.0.1", site.store.port), timeout=30))
    seconds = time.monotonic() - begun
    wait_until("the last of the reloads is not in force", lambda: site.is_numbered(WARM_UP + count - 1))
    after = figures(site)
    for connection in kept:
        connection.close()
    return before, after, count / seconds


def check_figures(site, before, after, count):
    grown = (after[0] - before[0]) / MIB
    # A thousand may add less than 1 MiB. Of fewer that is asked of as many: a page more or less is not theirs.
    if grown >= 1:
        raise Failure(f"memory grew by {grown:.2f} MiB in {count} reloads")
    # Whoever asks for the figures has a connection too.
    if after[1] > before[1] + 1:
        raise Failure(f"{before[1]:.0f} descriptors became {after[1]:.0f} in {count} reloads")
    if after[2] > before[2] + len(site.load.clients):
        raise Failure(f"{before[2]:.0f} tasks became {after[2]:.0f} in {count} reloads")
    return grown


def run(options):
    import site_under_load  # reads STORE_BINARY
    with site_under_load.Site(is_unsent=options.fault == "unsent") as site:
        begun = time.monotonic()
        site.fill_recent_lines()
        shown = show_in_force(site, site.changes())
        refused = show_refused(site, site.wrong_files())
        count = 100 if options.short else 1000
        before, after, rate = reload_often(site, count, options.fault)
        seconds = time.monotonic() - begun
        if failures := site.load.failures():
            raise Failure(f"{len(failures)} of the load's requests failed: {failures[0]}")
        grown = check_figures(site, before, after, count)
        requests, shed = site.load.requests, site.load.shed
        if requests < 20 * seconds:
            raise Failure(f"{requests} requests in {seconds:.0f} s are no load")
        told = site.reloads
    return (f"PASS reload: {shown} changes in force after SIGHUP and out of force after another, {refused} wrong files changed nothing, "
            f"{told} reloads ({count} in a row, {rate:.0f} a second) under {requests / seconds:.0f} requests a second: "
            f"0 of {requests} failed ({shed} shed as asked), memory {grown:+.2f} MiB in {count}, "
            f"descriptors {before[1]:.0f} to {after[1]:.0f}, tasks {before[2]:.0f} to {after[2]:.0f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--fault", choices=("unsent", "connections"))
    options = parser.parse_args()
    os.environ["STORE_BINARY"] = str(options.build.resolve() / "examples/store/store")
    try:
        print(run(options))
    except (Failure, AssertionError, OSError, KeyError, ValueError) as why:
        print(f"FAIL reload: {type(why).__name__ + ': ' if not isinstance(why, Failure) else ''}{why}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

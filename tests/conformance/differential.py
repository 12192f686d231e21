#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mutated requests on our server, on nginx and on Node.js: who accepts how many requests with which bodies?

    tests/conformance/differential.py --server .../kit_conformance_server [--count 600] [--seed 1] [--verbose]

Behind every request follows a valid one, so that a different idea of where the first one ends shows. Where a server
differs from ours there must be a reason in reasons.py; "laxer" and "other" need one as much as "stricter" does.
Ends with one line, PASS or FAIL.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import re
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import mutations  # noqa: E402
import peers  # noqa: E402
import reasons  # noqa: E402
import wire  # noqa: E402

FRAMED = (204, 404, 405, 415)  # no echo, but the request was read to its end
TIMEOUTS = ("--header-timeout-ms=400", "--body-timeout-ms=400", "--idle-timeout-ms=400")


@dataclasses.dataclass
class Outcome:
    accepted: list  # a body in hex for each request, None when the answer shows none
    status: int  # of the refusal at the end; 0: none


def split_answer(data):
    """(status, body, rest) of a lenient reading, or None."""
    end = data.find(b"\r\n\r\n")
    found = re.match(rb"HTTP/1\.[01] ([0-9]{3})", data)
    if end < 0 or not found:
        return None
    fields = data[:end].lower()
    if b"\r\ntransfer-encoding: chunked" in fields:
        last = data.find(b"0\r\n\r\n", end)
        return int(found[1]), data[end + 4:last], data[last + 5:]
    length = re.search(rb"\r\ncontent-length: ([0-9]+)", fields)
    size = int(length[1]) if length else 0
    return int(found[1]), data[end + 4:end + 4 + size], data[end + 4 + size:]


def outcome_of(port, raw, pieces=False):
    patience = 40 if pieces else 8
    with wire.Connection(port, timeout=patience) as connection:
        data = raw + mutations.NEXT
        if not pieces:
            connection.send(data)
        for at in range(len(data) if pieces else 0):
            connection.send(data[at:at + 1])
            # So that it is a packet of its own, and what is answered is read before the connection may end.
            connection.receive(time.monotonic() + (0.03 if data[at] == 10 else 0.001))
        until = time.monotonic() + patience
        while connection.receive(until):
            pass
        if not connection.closed:
            raise RuntimeError(f"port {port} neither answers nor closes: {raw!r}")
        data = connection.data
    outcome = Outcome([], 0)
    while data:
        answer = split_answer(data)
        if answer is None:
            outcome.accepted.append("an answer without a head")  # HTTP/0.9
            return outcome
        status, body, data = answer
        echo = re.search(rb"body=([0-9a-f]*)", body)
        if status == 200 and echo:
            outcome.accepted.append(echo[1].decode())
        elif status in FRAMED:
            outcome.accepted.append(None)
        elif status >= 200:
            outcome.status = status
    return outcome


def relation(ours, theirs):
    """"same", "stricter" or "laxer" (ours than theirs), or "other": the same bytes were read as other bodies."""
    for mine, other in zip(ours.accepted, theirs.accepted):
        if mine != other and None not in (mine, other):
            return "other"
    if len(ours.accepted) != len(theirs.accepted):
        return "stricter" if len(ours.accepted) < len(theirs.accepted) else "laxer"
    return "same"


def compare(ports, item):
    names, raw = item
    outcomes = {peer: outcome_of(port, raw) for peer, port in ports.items() if peer != "node in pieces"}
    ours = outcomes.pop("kit")
    found = []
    for peer, theirs in outcomes.items():
        how = relation(ours, theirs)
        if peer == "node" and how == "laxer" and not theirs.accepted:
            # Node.js throws away answers that it has not sent yet when a malformed request follows: asked again slowly, it
            # must agree.
            slowly = relation(ours, outcome_of(ports["node in pieces"], raw, pieces=True))
            peer, how = ("node in pieces", "laxer") if slowly == "same" else (peer, how)
        if how != "same":
            found.append((how, peer, names, raw, ours, theirs))
    return found


def report(differences, verbose):
    """Prints the classes with their reasons, then what has none. Returns how many have none."""
    classes, unexplained = collections.Counter(), []
    for how, peer, names, raw, ours, theirs in differences:
        reason = reasons.find(how, peer, raw + mutations.NEXT, ours.status)
        if reason is None:
            unexplained.append((how, peer, names, raw, ours, theirs))
        else:
            classes[how, reason.name, peer] += 1
            if verbose:
                print(f"{reason.name}: {how} than {peer}: {raw!r}\n    ours {ours}, theirs {theirs}")
    for (how, name, peer), count in sorted(classes.items()):
        reason = next(known for known in reasons.REASONS if known.name == name)
        print(f"{count:5}  {how:8} than {peer:14}  {name}: {reason.why} (RFC {reason.section})")
    for how, peer, names, raw, ours, theirs in unexplained:
        print(f"UNEXPLAINED {how} than {peer} [{names}]: {raw!r}\n    ours {ours}\n    theirs {theirs}")
    return len(unexplained), len(classes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fault", default="")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    items = [("as it is", raw) for raw in mutations.CORPUS] + mutations.mutated(options.count, options.seed)
    with tempfile.TemporaryDirectory() as folder, peers.Nginx(folder) as nginx, peers.Node(400) as node, \
            peers.Node(20_000) as patient, wire.Server(options.server, *TIMEOUTS, f"--fault={options.fault}") as kit:
        ports = {"kit": kit.port, "nginx": nginx.port, "node": node.port, "node in pieces": patient.port}
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            differences = [one for found in pool.map(lambda item: compare(ports, item), items) for one in found]
        kit.expect_alive()
    unexplained, classes = report(differences, options.verbose)
    print(f"{'FAIL' if unexplained else 'PASS'} conformance differential: {options.count} mutated requests (seed {options.seed}), "
          f"{len(differences)} differences from nginx and Node.js in {classes} classes, {unexplained} without a reason")
    return unexplained > 0


if __name__ == "__main__":
    sys.exit(main())

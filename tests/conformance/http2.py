#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Abuse of HTTP/2: every attack must end in GOAWAY within its limit, cost the server little memory, and be unnoticed by others.

    tests/conformance/http2.py --server .../kit_conformance_server [--only REGEX]

While each attack runs, honest clients ask over HTTP/1.1 and HTTP/2. Ends with one line, PASS or FAIL.
"""
import argparse
import re
import shutil
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
import frames  # noqa: E402
import wire  # noqa: E402
from frames import (COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR,  # noqa: E402
                    FRAME_SIZE_ERROR, HEADERS, PING, PRIORITY, PROTOCOL_ERROR, PUSH_PROMISE, RST_STREAM, SETTINGS, STREAM_CLOSED,
                    WINDOW_UPDATE, frame, headers)

MEMORY = 64 << 20
ATTACKS = []


class Failure(Exception):
    pass


def attack(name, codes, most_bytes=None):
    """An attack: a function of a connection that sends until it may not. `codes`: what GOAWAY must say."""
    def register(function):
        ATTACKS.append((name, codes, most_bytes, function))
        return function
    return register


def flood(connection, make, most, batch=50):
    """Sends `make(i)` for i up to `most`, `batch` in a packet, until the server has had enough."""
    for i in range(0, most, batch):
        if not connection.send(b"".join(make(j) for j in range(i, min(i + batch, most)))):
            break
        connection.pump(0)
        while connection.goaway is None and not connection.closed and connection.unread() > 0:
            connection.pump(0.001)
        if connection.goaway is not None or connection.closed:
            break


@attack("rapid reset", (ENHANCE_YOUR_CALM,), 1 << 19)
def rapid_reset(connection):
    flood(connection, lambda i: headers(2 * i + 1, b"/slow") + frame(RST_STREAM, 0, 2 * i + 1, struct.pack(">I", 8)), 100_000)


@attack("streams made to be reset by the server", (ENHANCE_YOUR_CALM, PROTOCOL_ERROR), 1 << 20)
def made_you_reset(connection):
    # A window update of nothing is an error of its stream: the server resets, and its handler would still work.
    flood(connection, lambda i: headers(2 * i + 1, b"/slow") + frame(WINDOW_UPDATE, 0, 2 * i + 1, b"\0\0\0\0"), 100_000)


@attack("CONTINUATION flood", (ENHANCE_YOUR_CALM, PROTOCOL_ERROR, COMPRESSION_ERROR), 1 << 20)
def continuations(connection):
    connection.send(frame(HEADERS, END_STREAM, 1, frames.request()))
    flood(connection, lambda i: frame(CONTINUATION, 0, 1, frames.literal(b"x-%d" % i, b"a" * 4000)), 50_000, batch=2)


@attack("CONTINUATION flood of nothing", (ENHANCE_YOUR_CALM, PROTOCOL_ERROR), 1 << 20)
def empty_continuations(connection):
    connection.send(frame(HEADERS, END_STREAM, 1, frames.request()))
    flood(connection, lambda i: frame(CONTINUATION, 0, 1), 500_000)


@attack("PING flood", (ENHANCE_YOUR_CALM,))
def pings(connection):
    flood(connection, lambda i: frame(PING, 0, 0, b"12345678"), 200_000)


@attack("SETTINGS flood", (ENHANCE_YOUR_CALM,))
def settings(connection):
    flood(connection, lambda i: frame(SETTINGS, 0, 0, struct.pack(">HI", 3, i % 100)), 200_000)


@attack("empty DATA frames", (ENHANCE_YOUR_CALM, PROTOCOL_ERROR))
def empty_data(connection):
    connection.send(headers(1, b"/echo", b"POST", end=False, more=[(b"content-type", b"text/plain")]))
    flood(connection, lambda i: frame(DATA, 0, 1), 200_000)


@attack("a bomb of indexed fields", (ENHANCE_YOUR_CALM, PROTOCOL_ERROR, COMPRESSION_ERROR))
def bomb(connection):
    # One field of 3 000 bytes in the table, then named ten thousand times a request in a byte each.
    block = frames.request() + frames.literal(b"x", b"a" * 3000, 0x40) + b"\xbe" * 10_000
    for i in range(200):
        if not connection.send(frame(HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, block)):
            return
        connection.pump(0)


# What is an error of the whole connection by RFC 9113; the second frame of a pair is where it comes to light.
MISUSE = {
    "stream 0 for a request": (frame(HEADERS, END_HEADERS | END_STREAM, 0, frames.request()), (PROTOCOL_ERROR,)),
    "an even stream": (headers(2), (PROTOCOL_ERROR,)),
    "DATA on an idle stream": (frame(DATA, 0, 7, b"x"), (PROTOCOL_ERROR, STREAM_CLOSED)),
    "RST_STREAM on an idle stream": (frame(RST_STREAM, 0, 7, b"\0\0\0\0"), (PROTOCOL_ERROR,)),
    "WINDOW_UPDATE on an idle stream": (frame(WINDOW_UPDATE, 0, 7, b"\0\0\0\1"), (PROTOCOL_ERROR,)),
    "a window past 2^31": (frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 2, (FLOW_CONTROL_ERROR,)),
    "a window update of nothing": (frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\0"), (PROTOCOL_ERROR,)),
    "PUSH_PROMISE from a client": (frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + frames.request()), (PROTOCOL_ERROR,)),
    "CONTINUATION without HEADERS": (frame(CONTINUATION, END_HEADERS, 1, frames.request()), (PROTOCOL_ERROR,)),
    "another frame inside HEADERS": (frame(HEADERS, END_STREAM, 1, frames.request()) + frame(PING, 0, 0, b"12345678"), (PROTOCOL_ERROR,)),
    "SETTINGS of odd size": (frame(SETTINGS, 0, 0, b"12345"), (FRAME_SIZE_ERROR,)),
    "SETTINGS on a stream": (frame(SETTINGS, 0, 1), (PROTOCOL_ERROR,)),
    "SETTINGS acknowledged with bytes": (frame(SETTINGS, 1, 0, b"123456"), (FRAME_SIZE_ERROR,)),
    "SETTINGS with a window past 2^31": (frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 31)), (FLOW_CONTROL_ERROR,)),
    "SETTINGS with frames of one byte": (frame(SETTINGS, 0, 0, struct.pack(">HI", 5, 1)), (PROTOCOL_ERROR,)),
    "PING of seven bytes": (frame(PING, 0, 0, b"1234567"), (FRAME_SIZE_ERROR,)),
    "PING on a stream": (frame(PING, 0, 1, b"12345678"), (PROTOCOL_ERROR,)),
    "a frame larger than allowed": (frame(DATA, 0, 1, b"x" * 16385), (FRAME_SIZE_ERROR,)),
    "HPACK that is none": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\xff\xff"), (COMPRESSION_ERROR,)),
    "an index that is not there": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xfe"), (COMPRESSION_ERROR,)),
    "a table larger than allowed": (frame(HEADERS, END_HEADERS | END_STREAM, 1, frames.integer(1 << 20, 5, 0x20) + frames.request()), (COMPRESSION_ERROR,)),
    "padding longer than its frame": (frame(DATA, 8, 1, b"\xff"), (PROTOCOL_ERROR, STREAM_CLOSED)),
}

# Requests that are none (RFC 9113 section 8.2, 8.3): the stream is reset or answered with 400, the connection goes on.
MALFORMED = {
    "no path": [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"t")],
    "no method": [(b":path", b"/"), (b":scheme", b"http"), (b":authority", b"t")],
    "two paths": [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":path", b"/x"), (b":authority", b"t")],
    "an unknown pseudo-field": [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":x", b"y")],
    "a pseudo-field after others": [(b":method", b"GET"), (b":scheme", b"http"), (b"x", b"y"), (b":path", b"/")],
    "a name in capitals": [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"t"), (b"X", b"y")],
    "CR LF in a value": [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"t"), (b"x", b"a\r\nb: c")],
    "NUL in a value": [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"t"), (b"x", b"a\0")],
    "Connection": [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"t"), (b"connection", b"close")],
    "Transfer-Encoding": [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"t"), (b"transfer-encoding", b"chunked")],
    "a length that is not the body's": [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"t"), (b"content-length", b"5")],
    "an empty path": [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b""), (b":authority", b"t")],
    "a path with a blank": [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/a b"), (b":authority", b"t")],
}


class Honest:
    """Clients that ask all the time, one over HTTP/1.1 and one over HTTP/2."""

    def __init__(self, port):
        self.port, self.stop, self.asked, self.errors = port, threading.Event(), 0, []
        self.threads = [threading.Thread(target=self.keep, args=(ask,)) for ask in (self.ask1, self.ask2)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def keep(self, ask):
        while not self.stop.is_set():
            try:
                ask()
                self.asked += 1
            except (Failure, OSError, wire.Malformed) as failure:
                self.errors.append(f"{ask.__name__}: {failure}")
            self.stop.wait(0.005)

    def ask1(self):
        with wire.Connection(self.port) as connection:
            connection.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            answer = connection.answer()
            if answer is None or answer.body != b"hello":
                raise Failure("no answer over HTTP/1.1")

    def ask2(self):
        with frames.Connection(self.port) as connection:
            for stream in (1, 3):
                if connection.get(stream) != b"hello":
                    raise Failure(f"no answer over HTTP/2: GOAWAY {connection.goaway}, resets {connection.resets}")


def check_attack(server, name, codes, most_bytes, function):
    before = server.resident_bytes()
    with Honest(server.port) as honest, frames.Connection(server.port) as connection:
        function(connection)
        connection.wait(lambda: connection.goaway is not None or connection.closed, 5)
        grown = server.resident_bytes() - before
        time.sleep(0.05)  # polls whether the others are served afterwards as well
    # A flood's sender may see the end of the connection and not the GOAWAY before it: its own bytes are in the way.
    if connection.goaway is None and not connection.closed:
        raise Failure(f"neither GOAWAY nor an end after {connection.sent} bytes")
    if connection.goaway not in (None, *codes):
        raise Failure(f"GOAWAY says {connection.goaway}, expected {codes}")
    if most_bytes and connection.sent > most_bytes:
        raise Failure(f"took {connection.sent} bytes before GOAWAY, at most {most_bytes} are expected")
    if grown > MEMORY:
        raise Failure(f"the server grew by {grown >> 20} MiB")
    if honest.errors or honest.asked == 0:
        raise Failure(f"honest clients: {honest.asked} served, {len(honest.errors)} not: {honest.errors[:2]}")


def check_misuse(server, sent, codes):
    with frames.Connection(server.port) as connection:
        connection.send(sent)
        connection.wait(lambda: connection.goaway is not None or connection.closed, 3)
        if connection.goaway not in codes:
            raise Failure(f"GOAWAY {connection.goaway}, expected {codes}; closed: {connection.closed}")
        if not connection.wait(lambda: connection.closed, 3):
            raise Failure("the connection stays open after GOAWAY")


def check_malformed(server, fields):
    with frames.Connection(server.port) as connection:
        block = b"".join(frames.literal(name, value) for name, value in fields)
        connection.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
        connection.wait(lambda: 1 in connection.resets or 1 in connection.ended, 3)
        answered = connection.bodies.get(1, b"")
        if 1 not in connection.resets and (1 not in connection.ended or answered in (b"hello",) or b"method=" in answered):
            raise Failure(f"is served: {answered[:60]!r}, GOAWAY {connection.goaway}")
        if connection.goaway is None and connection.get(3) != b"hello":
            raise Failure("the connection does not go on")


def check_no_window(server):
    """A hundred large answers to a client that takes no byte: they are not built up in memory."""
    before = server.resident_bytes()
    with Honest(server.port) as honest, frames.Connection(server.port, struct.pack(">HI", 4, 0)) as connection:
        for i in range(300):
            connection.send(headers(2 * i + 1, b"/big"))
        connection.pump(1)
        grown = server.resident_bytes() - before
        refused = sum(code == 7 for code in connection.resets.values())
    if grown > MEMORY:
        raise Failure(f"the server grew by {grown >> 20} MiB")
    if connection.goaway is None and refused < 200:
        raise Failure(f"300 streams at once, {refused} refused: at most 100 may be open")
    if honest.errors or honest.asked == 0:
        raise Failure(f"honest clients: {honest.asked} served, {honest.errors[:2]}")


def check_falling_streams(server):
    """A stream number that goes down is not served (RFC 9113 5.1.1)."""
    with frames.Connection(server.port) as connection:
        connection.send(headers(5) + headers(3))
        connection.wait(lambda: 5 in connection.ended, 3)
        connection.pump(0.2)
        if 3 in connection.statuses:
            raise Failure("stream 3 is served after stream 5")


def check_priority(server):
    """PRIORITY says nothing any more, and changes nothing (RFC 9113 5.3.2)."""
    with frames.Connection(server.port) as connection:
        connection.send(frame(PRIORITY, 0, 1, b"\x80\0\0\3\xff") + frame(PRIORITY, 0, 9, b"\0\0\0\0\0"))
        if connection.get(1) != b"hello":
            raise Failure(f"not served: GOAWAY {connection.goaway}")


def check_unknown_frames(server):
    """Frames of unknown types are left out (RFC 9113 5.5)."""
    with frames.Connection(server.port) as connection:
        connection.send(frame(0xb0, 0xff, 0, b"x" * 100) + frame(0xb1, 0, 1, b""))
        if connection.get(1) != b"hello":
            raise Failure(f"not served: GOAWAY {connection.goaway}")


def check_preface(server):
    for preface in (frames.PREFACE[:-1] + b"X", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", frames.PREFACE + headers(1), frames.PREFACE[:10] + b"\n" * 30):
        with frames.Connection(server.port, preface=None) as connection:
            connection.send(preface)
            if not connection.wait(lambda: connection.closed, 5):
                raise Failure(f"{preface[:40]!r} leaves the connection open")
            if connection.ended:
                raise Failure(f"{preface[:40]!r} is served")


def check_clients(server):
    """The clients of somebody else."""
    for command in (["h2load", "-n20000", "-c10", "-m32", f"http://127.0.0.1:{server.port}/"],
                    ["nghttp", "-n", "-m20", f"http://127.0.0.1:{server.port}/big", f"http://127.0.0.1:{server.port}/echo/x?y"]):
        if shutil.which(command[0]) is None:
            raise Failure(f"{command[0]} is missing: apt-get install nghttp2-client")
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if result.returncode != 0 or "20000 succeeded, 0 failed, 0 errored" not in result.stdout and command[0] == "h2load":
            raise Failure(f"{command[0]}: {result.stdout[-400:]} {result.stderr[-200:]}")


def checks(server):
    for name, codes, most_bytes, function in ATTACKS:
        yield name, lambda n=name, c=codes, m=most_bytes, f=function: check_attack(server, n, c, m, f)
    for name, (sent, codes) in MISUSE.items():
        yield name, lambda s=sent, c=codes: check_misuse(server, s, c)
    for name, fields in MALFORMED.items():
        yield "a request with " + name, lambda f=fields: check_malformed(server, f)
    for function in (check_no_window, check_falling_streams, check_priority, check_unknown_frames, check_preface, check_clients):
        yield (function.__doc__ or function.__name__.replace("_", " ")).split(":")[0], lambda f=function: f(server)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    started, ran, failed = time.monotonic(), 0, 0
    with wire.Server(options.server, "--connections-per-peer=100000") as server:
        for name, check in checks(server):
            if not re.search(options.only, name):
                continue
            ran += 1
            try:
                check()
            except (Failure, OSError) as failure:
                failed += 1
                print(f"{name}: {failure}")
            server.expect_alive()
    verdict = "FAIL" if failed or ran == 0 else "PASS"
    print(f"{verdict} conformance http2: {ran} checks of abuse, {failed} failed, {time.monotonic() - started:.1f} s")
    return verdict == "FAIL"


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frames by hand (RFC 9113), with the simplest HPACK there is (RFC 7541): literals without Huffman or table."""
import select
import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
ENHANCE_YOUR_CALM, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, COMPRESSION_ERROR, STREAM_CLOSED = 11, 1, 3, 6, 9, 5


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(value, prefix, first=0):
    """RFC 7541 5.1."""
    most = (1 << prefix) - 1
    if value < most:
        return bytes([first | value])
    out = [first | most]
    value -= most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out + [value])


def literal(name, value, first=0):
    """A field that is not put into the table (`first` 0x40: that is)."""
    return integer(0, 6 if first else 4, first) + integer(len(name), 7) + name + integer(len(value), 7) + value


def request(path=b"/", method=b"GET", *more):
    fields = [(b":method", method), (b":scheme", b"http"), (b":path", path), (b":authority", b"t"), *more]
    return b"".join(literal(name, value) for name, value in fields)


def headers(stream, path=b"/", method=b"GET", end=True, more=()):
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, request(path, method, *more))


class Connection:
    """Speaks HTTP/2 by prior knowledge; collects the frames that come."""

    def __init__(self, port, settings=b"", preface=PREFACE, timeout=10.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout, self.data, self.closed, self.sent = timeout, b"", False, 0
        self.goaway = None  # the error code
        self.resets = {}  # stream -> error code
        self.statuses = {}  # stream -> whether it was answered
        self.ended = set()
        self.bodies = {}
        if preface:
            self.send(preface + frame(SETTINGS, 0, 0, settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """False when the other side no longer takes anything."""
        self.sent += len(data)
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def unread(self):
        """Bytes that have arrived at the server's side and that its process has not taken: what was sent only counts
        against it once it had the time to look at it."""
        ours, theirs = (f"0100007F:{address[1]:04X}" for address in (self.socket.getsockname(), self.socket.getpeername()))
        with open("/proc/net/tcp") as table:
            for line in table:
                words = line.split()
                if words[1] == theirs and words[2] == ours:
                    return int(words[4].split(":")[1], 16)
        return 0  # closed

    def pump(self, seconds=0.0, answers=True):
        """Takes what has come, for at most `seconds` once nothing more comes."""
        while not self.closed and select.select([self.socket], [], [], seconds)[0]:
            try:
                part = self.socket.recv(1 << 16)
            except OSError:
                part = b""
            if not part:
                self.closed = True
            self.data += part
            self.take_frames(answers)

    def take_frames(self, answers):
        while len(self.data) >= 9:
            size = int.from_bytes(self.data[:3], "big")
            if len(self.data) < 9 + size:
                return
            kind, flags = self.data[3], self.data[4]
            stream = int.from_bytes(self.data[5:9], "big") & 0x7fffffff
            payload, self.data = self.data[9:9 + size], self.data[9 + size:]
            if kind == GOAWAY:
                self.goaway = int.from_bytes(payload[4:8], "big")
            elif kind == RST_STREAM:
                self.resets[stream] = int.from_bytes(payload, "big")
            elif kind == HEADERS:
                self.statuses[stream] = payload
            elif kind == DATA:
                self.bodies[stream] = self.bodies.get(stream, b"") + payload
                if answers and payload:
                    self.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(payload))))
            elif kind == SETTINGS and answers and not flags & ACK:
                self.send(frame(SETTINGS, ACK))
            elif kind == PING and answers and not flags & ACK:
                self.send(frame(PING, ACK, 0, payload))
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                self.ended.add(stream)

    def wait(self, what, seconds=None):
        """Until `what()` or the end of the connection."""
        until = time.monotonic() + (self.timeout if seconds is None else seconds)
        while not what() and not self.closed and time.monotonic() < until:
            self.pump(0.02)
        return what()

    def get(self, stream, path=b"/"):
        """The body of an answer, or None."""
        self.send(headers(stream, path))
        return self.bodies.get(stream, b"") if self.wait(lambda: stream in self.ended) else None

# SPDX-License-Identifier: Apache-2.0
"""A client that speaks bytes: sends anything, reads answers strictly, and says whether the connection was closed."""
import os
import re
import select
import socket
import subprocess
import time

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [\t -~]*$")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~\x80-\xff]*)$")
DATE = re.compile(rb"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
                  rb"[0-9]{4} [0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT$")


class Malformed(Exception):
    """What came is no well-formed answer."""


class Answer:
    """One answer, checked against what RFC 9110 and 9112 demand of every answer."""

    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def all(self, name):
        return [value for key, value in self.fields if key == name]

    def one(self, name):
        values = self.all(name)
        if len(values) > 1:
            raise Malformed(f"{len(values)} fields {name.decode()}")
        return values[0] if values else None

    def echo(self):
        """What the echo route says arrived."""
        pairs = dict(part.split("=", 1) for part in self.body.decode().split())
        return {"method": pairs["method"], "length": int(pairs["length"]),
                **{key: bytes.fromhex(pairs[key]) for key in ("path", "query", "body", "test") if key in pairs}}


def read_answer(data, method=b"GET", ended=False):
    """The first answer in `data` and how long it is; None when more has to come."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if data and not b"HTTP/1.1 ".startswith(data[:9]) :
            raise Malformed(f"no status line: {data[:60]!r}")
        return None
    lines = data[:end].split(b"\r\n")
    found = STATUS_LINE.match(lines[0])
    if not found:
        raise Malformed(f"status line {lines[0][:80]!r}")
    status = int(found[1])
    fields = []
    for line in lines[1:]:
        field = FIELD.match(line)
        if not field:
            raise Malformed(f"field line {line[:80]!r}")
        fields.append((field[1].lower(), field[2]))
    answer = Answer(status, fields, b"")
    size = end + 4
    length, coding = answer.one(b"content-length"), answer.one(b"transfer-encoding")
    if status < 200 or status == 204:
        if length is not None or coding is not None:
            raise Malformed(f"a {status} with a length (RFC 9110 8.6)")
        return answer, size
    if not DATE.match(answer.one(b"date") or b""):
        raise Malformed(f"Date {answer.one(b'date')!r} (RFC 9110 6.6.1)")
    if length is not None and coding is not None:
        raise Malformed("Content-Length and Transfer-Encoding (RFC 9112 6.2)")
    if method == b"HEAD" or status == 304:
        return answer, size
    if coding is not None:
        return read_chunks(answer, data, size)
    if length is None:
        if not ended:
            return None
        answer.body = data[size:]
        return answer, len(data)
    if not re.fullmatch(rb"[0-9]+", length):
        raise Malformed(f"Content-Length {length!r}")
    if len(data) < size + int(length):
        return None
    answer.body = data[size:size + int(length)]
    return answer, size + int(length)


def read_chunks(answer, data, at):
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", data[at:end]):
            raise Malformed(f"chunk size {data[at:end]!r}")
        size = int(data[at:end], 16)
        if len(data) < end + 2 + size + 2:
            return None
        if data[end + 2 + size:end + 4 + size] != b"\r\n":
            raise Malformed("a chunk does not end with CR LF")
        if size == 0:
            return answer, end + 4
        answer.body += data[end + 2:end + 2 + size]
        at = end + 4 + size


class Connection:
    """A connection and every byte that came on it."""

    def __init__(self, port, source=None, timeout=3.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout,
                                               source_address=(source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout = timeout
        self.data = b""
        self.closed = False  # an end of the stream came
        self.broken = False  # a reset came

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it was all there: what was answered is what counts

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def receive(self, until):
        """Reads more, at most until the clock says `until`. False when nothing came."""
        left = until - time.monotonic()
        if self.closed or left <= 0 or not select.select([self.socket], [], [], left)[0]:
            return False
        try:
            part = self.socket.recv(65536)
        except ConnectionResetError:
            self.broken = self.closed = True
            return False
        if not part:
            self.closed = True
            return False
        self.data += part
        return True

    def answer(self, method=b"GET", timeout=None):
        """The next answer; None when the connection ended or nothing came in time."""
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            found = read_answer(self.data, method, self.closed)
            if found:
                self.data = self.data[found[1]:]
                return found[0]
            if not self.receive(until) and (not self.closed or not self.data):
                return None
            if self.closed and not read_answer(self.data, method, True):
                raise Malformed(f"the connection ended inside an answer: {self.data[:80]!r}")

    def ends(self, timeout=None):
        """Whether the other side closes, with nothing more before that."""
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        while self.receive(until):
            pass
        return self.closed and not self.data


class Server:
    """kit_conformance_server with the options given, on a free port; `with` ends it."""

    def __init__(self, binary, *options, wrapper=(), log=None):
        self.process = subprocess.Popen([*wrapper, binary, *options], stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("port "):
            self.process.wait()
            raise RuntimeError(f"{binary} did not listen: status {self.process.returncode}")
        self.port = int(line.split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))

    def connections(self):
        """How many sockets the server has open, those it listens on among them."""
        folder = f"/proc/{self.process.pid}/fd"
        count = 0
        for name in os.listdir(folder):
            try:
                count += os.readlink(f"{folder}/{name}").startswith("socket:")
            except FileNotFoundError:  # closed meanwhile
                pass
        return count

    def expect_alive(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended by itself with {self.process.returncode}")

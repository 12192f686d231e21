# SPDX-License-Identifier: Apache-2.0
"""An OpenTelemetry collector that keeps what it is sent, and is strict: what no collector would take it answers with 400 and
remembers as a fault. A decoder of its own reads the bytes, so that two read what one has written (protoc: wire.py)."""
import gzip
import http.server
import struct
import threading


class Malformed(Exception):
    pass


def varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Malformed("a number does not end")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """Number -> values of a message, in their order."""
    found, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            value, at = data[at:at + 8], at + 8
        elif kind == 5:
            value, at = data[at:at + 4], at + 4
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise Malformed(f"wire type {kind}")
        if at > len(data):
            raise Malformed("a field does not end")
        found.setdefault(tag >> 3, []).append(value)
    return found


def any_value(data):
    inside = fields(data)
    if 1 in inside:
        return inside[1][-1].decode("utf-8")
    if 2 in inside:
        return bool(inside[2][-1])
    if 3 in inside:
        return struct.unpack("<q", struct.pack("<Q", inside[3][-1]))[0]
    return struct.unpack("<d", inside[4][-1])[0]


def attributes(values):
    found = {}
    for value in values:
        pair = fields(value)
        key = pair[1][0].decode("utf-8")
        if key in found:
            raise Malformed(f"the attribute {key} is there twice")
        found[key] = any_value(pair[2][0])
    return found


def span_of(data, resource):
    parts = fields(data)
    trace, own, parent = parts[1][0], parts[2][0], parts.get(4, [b""])[0]
    if len(trace) != 16 or len(own) != 8 or len(parent) not in (0, 8) or not any(trace) or not any(own):
        raise Malformed("an id is none")
    start, end = (struct.unpack("<Q", parts[field][0])[0] for field in (7, 8))
    if end < start or start < 1_500_000_000 * 10**9:
        raise Malformed("a span has no time")
    return {"trace": trace.hex(), "id": own.hex(), "parent": parent.hex(), "name": parts[5][0].decode("utf-8"),
            "kind": parts[6][0], "seconds": (end - start) / 1e9, "attributes": attributes(parts.get(9, [])),
            "flags": struct.unpack("<I", parts[16][0])[0], "state": parts.get(3, [b""])[0].decode("ascii"), "resource": resource}


def spans_of(body):
    found = []
    for resource_spans in fields(body).get(1, []):
        parts = fields(resource_spans)
        resource = attributes(fields(parts[1][0]).get(1, []))
        if not resource.get("service.name"):
            raise Malformed("there is no service.name")
        for scope_spans in parts.get(2, []):
            found += [span_of(span, resource) for span in fields(scope_spans).get(2, [])]
    return found


class Collector:
    """`with` starts it and ends it."""

    def __init__(self):
        self.spans, self.faults, self.lock = [], [], threading.Lock()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fault = collector.take(self.path, self.headers, body)
                self.send_response(400 if fault else 200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1/traces"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def take(self, path, headers, body):
        fault = None
        try:
            if path != "/v1/traces" or headers["Content-Type"] != "application/x-protobuf":
                raise Malformed(f"{path} {headers['Content-Type']}")
            if "traceparent" in headers:
                raise Malformed("the exporter traces itself")
            if headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            found = spans_of(body)
        except (Malformed, KeyError, IndexError, ValueError, struct.error, OSError) as why:
            fault, found = f"{type(why).__name__}: {why}", []
        with self.lock:
            self.spans += found
            if fault:
                self.faults.append(fault)
        return fault

    def of_trace(self, trace):
        with self.lock:
            return [span for span in self.spans if span["trace"] == trace]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

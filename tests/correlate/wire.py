#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What kit sends to collectors is what protoc reads by the public .proto files: wire.py <spans program> [--cut]

The text that protoc makes of it stands in data/spans.txt; UPDATE_GOLDENS=1 writes it. --cut: without the last bytes.
"""
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE / "data/spans.txt"
MESSAGE = "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest"
PROTO = "opentelemetry/proto/collector/trace/v1/trace_service.proto"


def decode(body):
    """The text of a request; None where protoc can't read it."""
    done = subprocess.run(["protoc", f"--decode={MESSAGE}", f"--proto_path={HERE / 'data'}", PROTO], input=body,
                          capture_output=True, check=False, timeout=60)
    return done.stdout.decode() if done.returncode == 0 else None


def main():
    body = subprocess.run([sys.argv[1]], check=True, capture_output=True, timeout=60).stdout
    if "--cut" in sys.argv:
        body = body[:-3]
    text = decode(body)
    if text is None:
        return "FAIL otlp wire: protoc can't read it"
    if re.search(r"^\s*\d+[:{ ]", text, re.M):
        return "FAIL otlp wire: there is a field that the .proto files do not have"
    # The version of kit changes, the rest does not.
    text = re.sub(r'(key: "telemetry.sdk.version"\s+value \{\s+string_value: )"[^"]+"', r'\1"VERSION"', text)
    text = re.sub(r'(name: "kit"\s+version: )"[^"]+"', r'\1"VERSION"', text)
    if os.environ.get("UPDATE_GOLDENS") == "1":
        GOLDEN.write_text(text, encoding="utf-8")
    if text != GOLDEN.read_text(encoding="utf-8"):
        return f"FAIL otlp wire: {GOLDEN} says otherwise (UPDATE_GOLDENS=1 writes it):\n{text}"
    return f"PASS otlp wire: {len(body)} bytes are what protoc reads"


if __name__ == "__main__":
    verdict = main()
    print(verdict)
    sys.exit(0 if verdict.startswith("PASS") else 1)

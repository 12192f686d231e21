#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The store, tried by rules that come from its own schema.

Usage: store_test.py --build build/debug [--fault]      (--fault has to fail)
"""
import argparse
import pathlib
import signal
import subprocess
import sys
import tempfile

import adopt_test
import crud_from_model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--fault", action="store_true")
    options = parser.parse_args()
    build = pathlib.Path(options.build).resolve()
    project = adopt_test.ROOT / "examples/store"
    with tempfile.TemporaryDirectory(prefix="kit-adopt-") as scratch:
        scratch = pathlib.Path(scratch)
        port, log = adopt_test.free_port(), scratch / "service.log"
        command = [build / "examples/store/store", f"--http.port={port}", "--admin.port=0", f"--database.path={scratch}/store.db",
                   "--import.on_start=false"]
        with log.open("w") as output:
            process = subprocess.Popen(command, cwd=project, stdout=output, stderr=subprocess.STDOUT)
        try:
            adopt_test.wait_ready(port, process, log)
            good = crud_from_model.try_all(build / "kitgen/cli/kitgen", project, f"http://127.0.0.1:{port}", options.fault)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

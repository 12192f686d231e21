# SPDX-License-Identifier: Apache-2.0
"""The office, started on a free port with a database of its own; each request says who makes it."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../examples/store/tests"))
import store_process  # noqa: E402

BINARY = os.environ.get("OFFICE_BINARY", os.path.join(HERE, "../../build/debug/tests/office/office"))
store_process.BINARY = BINARY
store_process.EXAMPLE = HERE
SETTINGS = ("--http.address=127.0.0.1", "--database.migrate_on_start=true", "--app.pages=true")
run_command = store_process.run_command


class Office(store_process.Store):
    def __init__(self, *settings):
        super().__init__(*SETTINGS, *settings, data=HERE)

    def ask(self, who, method, path, body=None, headers=None):
        """`who`: "ada clerk,finance", or None for nobody in particular."""
        return self.request(method, "/api/v1" + path, body, {**(headers or {}), **({"X-Caller": who} if who else {})})

    def made(self, who, path, body):
        answer = self.ask(who, "POST", path, body)
        if answer.status != 201:
            raise AssertionError(f"{path}: {answer}")
        return answer.json()

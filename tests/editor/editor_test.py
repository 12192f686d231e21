#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an editor shows of a Kit schema: completion, hover texts and errors of the YAML language server, which most editors
speak to, with the JSON Schema that kitgen publishes.

Usage: editor_test.py --kitgen build/debug/kitgen/cli/kitgen       (npm packages: tools/npm.sh tests/editor)

Ends with one line, PASS or FAIL.
"""
import argparse
import json
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SERVER = HERE / "node_modules/yaml-language-server/bin/yaml-language-server"
SECONDS = 60


class LanguageServer:
    """Speaks the Language Server Protocol over the pipes of a process."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number = 0
        self.messages = queue.Queue()
        self.diagnostics = {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        stream = self.process.stdout
        while True:
            length = None
            while line := stream.readline().strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if length is None:
                self.messages.put(None)
                return
            self.messages.put(json.loads(stream.read(length)))

    def send(self, **message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def step(self):
        """Takes one message; answers what the server asks."""
        message = self.messages.get(timeout=SECONDS)
        if message is None:
            raise SystemExit("the language server ended")
        if message.get("method") == "workspace/configuration":
            self.send(id=message["id"], result=[{"validate": True, "completion": True, "hover": True, "schemaStore": {"enable": False}}
                                                if item.get("section") == "yaml" else {} for item in message["params"]["items"]])
        elif message.get("method") == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "method" in message and "id" in message:
            self.send(id=message["id"], result=None)
        return message

    def request(self, method, params):
        self.number += 1
        self.send(id=self.number, method=method, params=params)
        while True:
            message = self.step()
            if message.get("id") == self.number and "method" not in message:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']}")
                return message["result"]

    def open(self, path, text):
        """Opens a document; its diagnostics."""
        uri = path.as_uri()
        self.diagnostics.pop(uri, None)
        self.send(method="textDocument/didOpen", params={"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}})
        while uri not in self.diagnostics:
            self.step()
        return self.diagnostics[uri]

    def close(self):
        self.request("shutdown", None)
        self.send(method="exit")
        self.process.wait(SECONDS)


SCHEMA = """# yaml-language-server: $schema=../.kit/language.json
kit: 1
service: shop
entities:
  Item:
    fields:
      name: {type: string, max: 40}
      price: {type: "decimal(10,2)", min: 0}
      note:
        type: text

    belongs_to:
      owner:
        entity: Item
        on_delete: cascade
    keep: {version: true}
"""


class Test:
    def __init__(self, folder, kitgen):
        (folder / ".kit").mkdir()
        (folder / "api").mkdir()
        schema = subprocess.run([kitgen, "schema", "json-schema"], check=True, stdout=subprocess.PIPE).stdout
        (folder / ".kit/language.json").write_bytes(schema)
        self.folder, self.count, self.files, self.failures = folder, 0, 0, []
        self.server = LanguageServer(["node", SERVER, "--stdio"])
        self.server.request("initialize", {"processId": None, "rootUri": folder.as_uri(), "workspaceFolders": [{"uri": folder.as_uri(), "name": "x"}],
                                           "capabilities": {"workspace": {"configuration": True},
                                                            "textDocument": {"completion": {}, "hover": {"contentFormat": ["markdown"]}}}})
        self.server.send(method="initialized", params={})

    def open(self, text):
        self.files += 1
        path = self.folder / f"api/{self.files}.yaml"
        path.write_text(text)
        return path, self.server.open(path, text)

    def hold(self, what, good, shown=""):
        self.count += 1
        if not good:
            self.failures.append(f"{what}: {shown}"[:600])

    def at(self, path, text, marker):
        """The place of the marker, which is taken out of the text by the caller."""
        before = text[:text.index(marker)]
        return {"textDocument": {"uri": path.as_uri()}, "position": {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}}

    def labels(self, text):
        """Labels of the completion where the text has a '|'."""
        path, _ = self.open(text.replace("|", "", 1))
        answer = self.server.request("textDocument/completion", self.at(path, text, "|"))
        return {item["label"] for item in (answer["items"] if isinstance(answer, dict) else answer or [])}

    def hover(self, text):
        path, _ = self.open(text.replace("|", "", 1))
        answer = self.server.request("textDocument/hover", self.at(path, text, "|"))
        return json.dumps(answer["contents"]) if answer else ""

    def completes(self, what, text, *wanted):
        labels = self.labels(text)
        self.hold(what, set(wanted) <= labels, sorted(labels))

    def run(self):
        for path in (ROOT / "examples/store/api/store.yaml",):
            text = "# yaml-language-server: $schema=../.kit/language.json\n" + path.read_text()
            self.hold(f"{path.name} has no errors", not self.open(text)[1], self.open(text)[1])
        self.hold("a good schema has no errors", not self.open(SCHEMA)[1], self.open(SCHEMA)[1])
        self.completes("inside a field", SCHEMA.replace("type: text\n\n", "type: text\n        |\n"), "max", "min", "unique", "optional", "default", "doc", "secret")
        self.completes("inside a field in braces", SCHEMA.replace("max: 40}", "u|}"), "max", "unique", "optional")
        self.completes("a type", SCHEMA.replace("type: text", "type: |"), "text", "string", "int64", "timestamp", "uuid")
        self.completes("an entity", SCHEMA.replace("    keep:", "    |\n    keep:"), "list", "has_many", "indexes", "actions", "plural")
        self.completes("the top", SCHEMA + "|", "enums", "doc")
        self.completes("on_delete", SCHEMA.replace("on_delete: cascade", "on_delete: |"), "restrict", "cascade", "set_null")
        self.completes("keep", SCHEMA.replace("version: true}", "version: true, s|}"), "soft_delete")
        for what, old, new, word in (("a wrong key", "max: 40", "maximum: 40", "maximum"), ("a wrong flag", "version: true", "version: 5", "boolean"),
                                     ("a wrong on_delete", "on_delete: cascade", "on_delete: explode", "set_null"),
                                     ("no service", "service: shop\n", "", "service"), ("a wrong section", "    keep:", "    keeps:", "keeps")):
            found = self.open(SCHEMA.replace(old, new))[1]
            self.hold(what, any(word in each["message"] for each in found), found)
        self.hold("hover of a key", "greatest length" in self.hover(SCHEMA.replace("max: 40", "m|ax: 40")), self.hover(SCHEMA.replace("max: 40", "m|ax: 40")))
        self.hold("hover of a section", "artist: Artist" in self.hover(SCHEMA.replace("belongs_to:", "belon|gs_to:")))
        unquoted = SCHEMA.replace('"decimal(10,2)"', "decimal(10,2)")
        self.hold("decimal(10,2) without quotes", not self.open(unquoted)[1], self.open(unquoted)[1])
        self.server.close()
        return not self.failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kitgen", required=True)
    options = parser.parse_args()
    if not SERVER.exists():
        sys.exit("the language server is missing: tools/npm.sh tests/editor")
    with tempfile.TemporaryDirectory(prefix="kit-editor-") as folder:
        test = Test(pathlib.Path(folder), options.kitgen)
        try:
            good = test.run()
        finally:
            if test.server.process.poll() is None:
                test.server.process.kill()
                test.server.process.wait()
    for failure in test.failures:
        print("  " + failure)
    print(f"{'PASS' if good else 'FAIL'} editor: {test.count} checks, {len(test.failures)} failed")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

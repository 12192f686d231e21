# SPDX-License-Identifier: Apache-2.0
"""A copy of the music store as a project of its own, and `kitgen dev` at work in it. Used by the tests and the verb here."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STORE = ROOT / "examples/store"


def run(command, **options):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if result.returncode:
        sys.exit(f"FAIL inner_loop: {' '.join(map(str, command))}: exit {result.returncode}\n{result.stdout}")
    return result.stdout


def processes_in(folder):
    """(pid, command) of every process that works in a folder or below, except this one."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if pathlib.Path(os.readlink(entry / "cwd")).is_relative_to(folder):
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z":
                    found.append((int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        except OSError:
            pass
    return found


class Project:
    """`work`/store, built against the kit of `build`, installed into `work`/prefix."""

    def __init__(self, work, build, compiler):
        self.work = pathlib.Path(work).resolve()
        shutil.rmtree(self.work, ignore_errors=True)
        prefix = self.work / "prefix"
        run(["cmake", "--install", build, "--prefix", prefix])
        self.environment = {**os.environ, "PATH": f"{prefix}/bin:{os.environ['PATH']}", "CMAKE_PREFIX_PATH": str(prefix),
                            "CXX": compiler}
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # this may run inside `make test`
            self.environment.pop(name, None)
        self.folder = self.work / "store"
        run(["kitgen", "new", "store", "--dir", self.folder], env=self.environment)
        for part in ("api", "internal", "migrations", "clients", ".kit"):
            shutil.rmtree(self.folder / part, ignore_errors=True)
            if (STORE / part).exists():
                shutil.copytree(STORE / part, self.folder / part)
        shutil.copy(STORE / "main.cpp", self.folder / "main.cpp")
        self.kitgen("generate")

    def kitgen(self, *words):
        return run(["kitgen", *words], cwd=self.folder, env=self.environment)

    def path(self, name):
        return self.folder / name

    def read(self, name):
        return self.path(name).read_text()

    def save(self, name, text):
        """As editors do: a new file that is renamed into place."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.parent / ("." + path.name + ".draft")
        draft.write_text(text)
        os.replace(draft, path)

    def replace(self, name, old, new):
        """Saves a file with `old` replaced; yields the text before."""
        text = self.read(name)
        if old not in text:
            raise AssertionError(f"{name} has no {old!r}")
        self.save(name, text.replace(old, new, 1))
        return text

    def add_field(self, entity, field):
        """A field more, as the first of the entity. Yields the schema before."""
        text = self.read("api/store.yaml")
        at = text.index("    fields:\n", text.index(f"\n  {entity}:\n")) + len("    fields:\n")
        self.save("api/store.yaml", text[:at] + f"      {field}\n" + text[at:])
        return text


class Dev:
    """A running `kitgen dev`. `with` ends it."""

    def __init__(self, project, *options):
        self.project = project
        self.log = []
        self.news = threading.Condition()
        self.process = subprocess.Popen(["kitgen", "dev", *options], cwd=project.folder, env=project.environment, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        start_new_session=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.news:
                self.log.append(line)
                self.news.notify_all()
        with self.news:
            self.log.append("(end)\n")
            self.news.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.reader.join(10)

    def text(self, since=0):
        with self.news:
            return "".join(self.log[since:])

    def mark(self):
        with self.news:
            return len(self.log)

    def wait_for(self, pattern, since=0, limit=600):
        """What the pattern matched in the output from the line `since` on."""
        end = time.monotonic() + limit
        with self.news:
            while True:
                text = "".join(self.log[since:])
                found = re.search(pattern, text, re.M)
                if found:
                    return found
                if text.endswith("(end)\n") or time.monotonic() > end:
                    raise AssertionError(f"kitgen dev never said {pattern!r}:\n{text}")
                self.news.wait(min(1, end - time.monotonic()))

    def wait_served(self, since=0):
        """Fails at once when a step did."""
        found = self.wait_for(r"^  total +[0-9.]+ s|^kitgen dev: (the server before|no server runs)", since)
        if not found[0].startswith("  total"):
            raise AssertionError(self.text(since))
        return found

    def wait_failed(self, since=0):
        return self.wait_for(r"^kitgen dev: (the server before this change still runs|no server runs)", since)

    def url(self):
        return self.wait_for(r"^listening at (http://\S+)/$")[1]

    def request(self, path, body=None):
        """(status, text), on a connection of its own."""
        call = urllib.request.Request(self.url() + path, data=body and json.dumps(body).encode(),
                                      headers={"Content-Type": "application/json"} if body else {})
        try:
            with urllib.request.urlopen(call, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def server(self):
        """The pid of the store that runs, or None."""
        servers = [pid for pid, command in processes_in(self.project.folder) if command.startswith("./build/dev/store ")]
        return servers[-1] if servers else None

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Secrets that are given to a store in every way there is must show nowhere: tests/canary/run.py --build build/release [--fault path|core]

Each is random and there once: in settings, the environment, tokens, headers, queries and bodies, good and refused. What the
store writes at log level trace, shows on its pages, answers errors with, sends to a collector and prints as a command is looked
through for them, plain, encoded and in part. In production there is no core file to find them in.
--fault: one is put where it shows by design (a path segment), or the core is looked for outside of production. Ends with one
line, PASS or FAIL.
"""
import argparse
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), *(str(HERE.parent / folder) for folder in ("reload", "metrics", "correlate"))]
from canaries import Canaries  # noqa: E402
import carriers  # noqa: E402
import places  # noqa: E402

KEPT, READ = "the configuration stays as it was", "configuration read again"


class Failure(Exception):
    pass


def wait_until(what, holds, seconds=30):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise Failure(what)
        time.sleep(0.02)


def environment_of(canaries, collector, free_port):
    """Passwords of servers that are not there: whoever tells why tells it without them."""
    return {
        "KIT_AUTH_SECRET": canaries.new("auth.secret", 44),
        "KIT_CACHE_URL": f"redis://shop:{canaries.new('the password of cache.url')}@127.0.0.1:{free_port()}/0",
        "KIT_QUEUE_URL": f"redis://:{canaries.new('the password of queue.url')}%2F@127.0.0.1:{free_port()}/1",
        "KIT_QUEUE_KEY_PASSWORD": canaries.new("queue.key_password"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url.removesuffix("/v1/traces"),
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{canaries.new('a header for the collector')},x-api-key={canaries.new('another')}",
    }


def wrong_configurations(canaries):
    """Files with something wrong in them, though some of it is said better by the environment."""
    def new(what):
        return canaries.new(f"a wrong file: {what}")

    return [
        f'auth: {{secret: "{new("cut")}"',
        f'auth:\n  secret: {new("a tab")}\n\t  keys: x\n',
        f'auth: {{secret: [{new("a list")}]}}',
        f'auth: {{secrt: {new("an unknown key")}}}',
        f'auth: {{secret: &a {new("an anchor")}, issuer: *a, *b}}',
        f'cache: {{url: "redis://:{new("a port")}@h:port"}}',
        f'cache: {{url: "http://x:{new("a scheme")}@h"}}',
        f'database: {{url: "postgresql://kit:{new("a host")}@[::/x"}}',
        f'database: {{url: "mysql://kit:{new("an option")}@h/x?nonsense=1"}}',
        f'queue: {{url: "amqp://kit:{new("a queue")}@h/x"}}',
        f'auth: {{secret: "{new("two")}", secret: "{new("of them")}"}}',
        f'{new("no mapping")}',
    ]


def commands(canaries, folder, free_port):
    """(words, environment, what is expected of its status): they end by themselves."""
    url_file = folder / "url"
    url_file.write_text(f"postgresql://kit:{canaries.new('database.url_file')}@127.0.0.1:{free_port()}/shop\n", encoding="ascii")
    url_file.chmod(0o600)
    weak = {"KIT_AUTH_SECRET": canaries.new("a secret that is short", 20)}
    return [
        (["config"], {}, 0),
        (["config", "--env=prod", f"--database.url_file={url_file}"], {}, 0),
        (["doctor", "--env=prod"], {}, None),
        (["doctor", "--env=prod", "--format=json", f"--database.url_file={url_file}"], {}, None),
        (["doctor", "--env=staging", f"--database.url=mysql://kit:{canaries.new('a password for doctor')}@db.example.com/shop"], {}, None),
        (["serve", "--http.port=0", "--admin.port=0", f"--database.url_file={url_file}", "--log.level=trace"], {}, 1),
        (["migrate", "status", f"--database.url=postgresql://kit:{canaries.new('a password for migrate')}@127.0.0.1:{free_port()}/shop"], {}, 1),
        (["migrate", "status", f"--database.url=mysql://kit:{canaries.new('a password for MariaDB')}@127.0.0.1:{free_port()}/shop"], {}, 1),
        (["serve", "--http.port=0", "--admin.port=0"], weak, None),
        (["serve", "--env=prod"], weak, None),
        (["config"], {"KIT_CACHE_URL": f"redis://:{canaries.new('a wrong cache.url')}@h:port"}, None),
        (["config"], {"KIT_AUTH_SECRT": canaries.new("a variable that is none")}, 2),
        (["config", f"--auth.secrt={canaries.new('an option that is none')}"], {}, 2),
        (["serve", "--http.port=0", "--admin.port=0"], {"KIT_CACHE_URL": f"redis://:{canaries.new('a cache.url without a port')}@h:port"}, None),
        (["serve", "--http.port=0", "--admin.port=0"], {"KIT_QUEUE_URL": f"redis://:{canaries.new('a queue.url without a host')}@"}, None),
        (["serve", "--http.port=0", "--admin.port=0"], {"OTEL_EXPORTER_OTLP_HEADERS": canaries.new("headers that are none")}, None),
        (["serve", "--http.port=0", "--admin.port=0"], {"OTEL_EXPORTER_OTLP_ENDPOINT": f"ftp://x:{canaries.new('a wrong endpoint')}@h"}, None),
    ]


def careless_urls(canaries):
    """Passwords with characters that end one where nobody has encoded them: what follows is a host, a path or an option then."""
    for scheme in ("postgresql", "mysql"):
        for character in "/?#@:&=% ":
            first, second = (canaries.new(f"the {part} part of a password with {character!r} for {scheme}") for part in ("first", "second"))
            yield ["migrate", "status"], {"KIT_DATABASE_URL": f"{scheme}://kit:{first}{character}{second}@127.0.0.1:9/shop"}, None


def run_commands(binary, canaries, folder, environment, texts, free_port):
    for number, (words, more, wanted) in enumerate([*commands(canaries, folder, free_port), *careless_urls(canaries)]):
        home = folder / f"command-{number}"
        home.mkdir()
        done = subprocess.run([binary, *words, f"--config={folder / 'config'}"], cwd=home, env={**os.environ, **environment, **more}, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        name = " ".join(words[:2]).split("=")[0]
        if wanted is not None and done.returncode != wanted:
            raise Failure(f"store {name} ended with {done.returncode}: {done.stdout[-500:]}")
        texts.add(f"store {name} (number {number})", done.stdout)
    return number + 1


def reload_wrong_files(store, canaries, config):
    """How many of them were refused."""
    good = config.read_text(encoding="utf-8")
    for number, text in enumerate([*wrong_configurations(canaries), good], 1):
        config.write_text(text, encoding="utf-8")
        store.process.send_signal(signal.SIGHUP)
        wait_until(f"what became of the file {number} was not told: {text!r}", lambda: store.log().count(KEPT) + store.log().count(READ) == number)
    return store.log().count(KEPT)


def watch_store(canaries, folder, fault, texts):
    """Runs it, asks it, looks at it. Figures."""
    from watched import Watched, servers  # reads STORE_BINARY
    config = folder / "config/base.yaml"
    config.parent.mkdir()
    config.write_text(json.dumps({"tracing": {"sampler_rate": 1}}), encoding="utf-8")
    for environment in ("staging", "prod"):
        config.with_name(environment + ".yaml").write_text("{}\n", encoding="ascii")
    with places.KeepingCollector() as collector:
        environment = environment_of(canaries, collector, servers.free_port)
        with Watched(f"--config={config.parent}", "--log.level=trace", environment=environment) as store:
            asked = carriers.all_requests(canaries, environment["KIT_AUTH_SECRET"])
            statuses = places.send(store, texts, asked)
            statuses += places.send_raw(store, texts, carriers.malformed(canaries))
            places.ask_admin(store, canaries, texts)
            if fault == "path":
                store.get("/api/v1/genres/" + canaries.new("a path segment"))
            wrong = reload_wrong_files(store, canaries, config)
            pages = places.look_at_pages(store, texts)
            # Spans are sent by the time it has ended.
            if store.terminate() != 0:
                raise Failure("the store did not end well: " + store.log()[-1000:])
            texts.add("the log", store.log())
            texts.add("the terminal", store.out())
            if store.log().count('"level":"trace"') + store.log().count('"level":"debug"') == 0:
                raise Failure("the log has no line below info")
        for body in collector.bodies:
            texts.add("what the collector received", body)
        if not collector.spans or collector.faults:
            raise Failure(f"the collector has {len(collector.spans)} spans and {len(collector.faults)} faults")
    done = run_commands(os.environ["STORE_BINARY"], canaries, folder, environment, texts, servers.free_port)
    return statuses, wrong, pages, done, len(collector.spans)


def leave_cores():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def abort(process, home):
    """Whether there is a core file, or was one: the kernel says so too."""
    os.kill(process.pid, signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -os.WTERMSIG(status)
    if os.WTERMSIG(status) != signal.SIGABRT:
        raise Failure(f"SIGABRT ended it with {status}")
    return os.WCOREDUMP(status) or any(home.glob("*core*"))


def makes_cores(folder):
    home = folder / "control"
    home.mkdir()
    with subprocess.Popen(["sleep", "600"], cwd=home, preexec_fn=leave_cores) as process:
        return abort(process, home)


def look_for_core(canaries, folder, fault, texts):
    """Of a store that ends by SIGABRT where nothing else keeps it from leaving one."""
    try:
        can_be_seen = makes_cores(folder)
    except ValueError:  # RLIMIT_CORE may not be raised
        return "not tried: this machine makes none"
    if not can_be_seen:
        return "not tried: this machine makes none"
    home = folder / "prod"
    home.mkdir()
    log = home / "store.log"
    environment = {**os.environ, "KIT_AUTH_SECRET": canaries.new("auth.secret in prod", 44)}
    words = ["--env=dev" if fault == "core" else "--env=prod", "--http.address=127.0.0.1", "--http.port=0", "--admin.port=0",
             "--database.migrate_on_start=true", f"--database.path={home / 'store.db'}", "--import.on_start=false", "--log.format=json", "--log.level=trace"]
    with open(log, "wb") as out:
        process = subprocess.Popen([os.environ["STORE_BINARY"], *words], cwd=home, env=environment, stdout=out, stderr=out, preexec_fn=leave_cores)

        def listens():
            if process.poll() is not None:
                raise Failure("the store did not start in prod: " + log.read_text(encoding="utf-8"))
            return '"message":"ready"' in log.read_text(encoding="utf-8")

        try:
            wait_until("the store was not ready in prod", listens)
            limit = pathlib.Path(f"/proc/{process.pid}/limits").read_text(encoding="ascii")
            if fault != "core" and not any(line.split()[4:6] == ["0", "0"] for line in limit.splitlines() if line.startswith("Max core")):
                raise Failure("RLIMIT_CORE is not 0 in prod: " + limit)
            left = abort(process, home)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
    if left:
        raise Failure("the store left a core file")
    texts.add("the log of a store in prod that was aborted", log.read_bytes())
    return "none, where another program left one"


def run(options, folder):
    canaries, texts = Canaries(), places.Texts()
    core = look_for_core(canaries, folder, options.fault, texts)
    statuses, wrong, pages, done, spans = watch_store(canaries, folder, options.fault, texts)
    hits = texts.hits(canaries)
    for place, what, around in hits[:50]:
        print(f"FOUND {what} in {place}: ...{around!r}...")
    refused = sum(status >= 400 for status in statuses)
    figures = (f"{len(canaries)} secrets in settings, {len(statuses)} requests ({refused} refused), {wrong} wrong files and {done} commands; "
               f"{len(texts.all)} texts ({texts.size() / 1e6:.1f} MB: log at trace, {pages} pages, error bodies, {spans} spans) "
               f"have {len(hits)} of them; core file: {core}")
    if refused < len(statuses) / 2 or refused == len(statuses):
        raise Failure(f"{refused} of {len(statuses)} requests were refused: that is not what this is about")
    return figures, not hits


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--fault", choices=("path", "core"))
    options = parser.parse_args()
    os.environ["STORE_BINARY"] = str(options.build.resolve() / "examples/store/store")
    with tempfile.TemporaryDirectory(prefix="kit-canary-") as folder:
        try:
            figures, good = run(options, pathlib.Path(folder))
        except (Failure, AssertionError, OSError, KeyError, ValueError, subprocess.TimeoutExpired) as why:
            figures, good = f"{type(why).__name__ + ': ' if not isinstance(why, Failure) else ''}{why}", False
    print(f"{'PASS' if good else 'FAIL'} canary: {figures}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""A store under load whose configuration file is rewritten: what can change in it, and how it shows."""
import json
import os
import pathlib
import re
import secrets
import signal
import tempfile
import time

from load import Failure, Load
from tokens import token
from watched import Watched

READ, KEPT = "configuration read again", "the configuration stays as it was"
PROBED = "/api/v1/media_types"  # which the load does not ask for
#: Of glibc, which else keeps ever larger pieces for itself: what is freed shows as freed.
FREED_GOES_BACK = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
#: The lines that /debug/requests remembers: 4 MiB of them.
REMEMBERED_BYTES = 4 * 1024 * 1024
#: A text of one module that comes more often in a second is left out of the log.
MOST_A_SECOND = 90


def merged(below, above):
    both = dict(below)
    for key, value in above.items():
        both[key] = merged(both[key], value) if isinstance(value, dict) and isinstance(both.get(key), dict) else value
    return both


class Site:
    """`with` starts it and ends it."""

    def __init__(self, is_unsent=False):
        self.is_unsent, self.reloads, self.asked = is_unsent, 0, 0
        self.secret = secrets.token_urlsafe(32)
        # Others use this machine as well: whether it is busy is no matter of this test.
        self.base = {"auth": {"secret": self.secret, "audiences": ["store"]}, "shedding": {"enabled": False},
                     "rate_limit": {"requests_per_second": 1_000_000}, "tracing": {"sampler_rate": 0, "slow": "0s"}}
        self.other = self.token_of("visitor", aud="elsewhere")
        self.last = time.monotonic()

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="kit-reload-")
        self.file = pathlib.Path(self.folder.name) / "config/base.yaml"
        self.file.parent.mkdir()
        self.write(json.dumps(self.base))
        self.store = Watched(f"--config={self.file.parent}", folder=self.folder.name, environment=FREED_GOES_BACK)
        self.log = open(self.store.log_path, encoding="utf-8")
        self.load = Load(self.store.port, self.token_of).__enter__()
        return self

    def __exit__(self, *_):
        self.load.__exit__()
        self.log.close()
        self.store.close()
        self.folder.cleanup()

    def token_of(self, subject, **claims):
        return token(self.secret, subject, **{"aud": "store", **claims})

    # What is changed, and what comes of it.

    def write(self, text):
        """As editors and Kubernetes do: the file is the old one or the new one."""
        new = self.file.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.chmod(0o600)
        os.replace(new, self.file)

    def reload_text(self, text):
        """The line of the log that tells what became of it."""
        pause = self.last + 1 / MOST_A_SECOND - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        self.last = time.monotonic()
        self.log.read()
        self.write(text)
        if self.is_unsent:
            return None
        self.store.process.send_signal(signal.SIGHUP)
        self.reloads += 1
        end = time.monotonic() + 30
        while time.monotonic() < end:
            place = self.log.tell()
            line = self.log.readline()
            if not line.endswith("\n"):  # not all of it is there yet
                self.log.seek(place)
                if self.store.process.poll() is not None:
                    break
                time.sleep(0.001)
                continue
            if READ in line or KEPT in line:
                return json.loads(line)
        raise Failure("SIGHUP came to nothing: " + self.store.log()[-1000:])

    def reload(self, change):
        line = self.reload_text(json.dumps(merged(self.base, change)))
        if line is not None and line["message"] != READ:
            raise Failure(f"{change} was refused: {line}")

    def fill_recent_lines(self):
        """So that what is remembered of the log grows no more: what is asked for is on its lines."""
        begin = os.path.getsize(self.store.log_path)
        while os.path.getsize(self.store.log_path) < begin + 1.5 * REMEMBERED_BYTES:
            self.store.get("/nowhere/" + "x" * 7000)

    def changes(self):
        """Name, what to change, and whether that is in force."""
        levels = {"db": "debug", "http": "error", "app": "info"}
        breaker = {"failure_threshold": 7, "timeout": "1500ms", "window": "2s", "failure_ratio": 0.25, "minimum_calls": 11, "probes": 3}
        return [
            ("rate_limit.rules", {"rate_limit": {"rules": {"few": f"3 per 1m by user on GET {PROBED}"}}}, self.limits_single_users),
            ("rate_limit.requests_per_second", {"rate_limit": {"requests_per_second": 500_000}}, lambda: "q=500000;" in self.policy()),
            ("log.level", {"log": {"level": "warn", "levels": {"app": "info"}}}, lambda: self.levels()["http"] == "warn"),
            ("log.levels", {"log": {"levels": levels}}, lambda: levels.items() <= self.levels().items()),
            ("tracing.sampler_rate", {"tracing": {"sampler_rate": 1}}, self.is_sampled),
            ("tracing.routes", {"tracing": {"routes": {PROBED: "always"}}}, self.is_sampled),
            ("breaker", {"breaker": breaker}, lambda: self.breakers() == {(7, "1.5s", "2s", 0.25, 11, 3)}),
            ("breaker.enabled", {"breaker": {"enabled": False}}, self.has_no_breakers),
            ("shedding", {"shedding": {"enabled": True, "cpu": 0.1, "retry_after": "100ms"}}, self.is_overloaded),
            ("auth.audiences", {"auth": {"audiences": ["store", "elsewhere"]}}, lambda: self.ask(self.other) == 200),
            ("auth.required", {"auth": {"required": False}}, lambda: self.ask(None) == 200),
            ("auth.max_lifetime", {"auth": {"max_lifetime": "5000s"}}, lambda: self.ask(self.lasting()) == 401),
        ]

    def wrong_files(self):
        """Name, content, words of the line that tells. Each would do harm as far as it is right."""
        def file(**change):
            return json.dumps(merged(self.base, change))

        nobody = {"auth": {"audiences": ["nobody"]}, "rate_limit": {"rules": {"none": "1 per 1h by all"}}, "log": {"level": "error"}}
        without = {key: value for key, value in self.base.items() if key != "auth"}
        many = {f"rule-{number}": "1 per 1h by all" for number in range(64)}
        return [
            ("a file that is none", json.dumps(self.base)[:-1], "base.yaml"),
            ("an empty file", "", "not switched off"),
            ("a file without the secret", json.dumps(without), "not switched off"),
            ("a secret that is short", file(auth={"secret": "short"}), "auth.secret"),
            ("a secret and keys", file(auth={"keys": "/nowhere.json"}), "exclude each other"),
            ("an unknown key", file(**merged(nobody, {"rate_limt": {"burst": 1}})), "rate_limit"),
            ("a rule that is none", file(**merged(nobody, {"rate_limit": {"rules": {"slow": "many per 1s"}}})), "slow"),
            ("a rule twice", file(**merged(nobody, {"rate_limit": {"rules": {"default": "1 per 1h"}}})), "is there twice"),
            ("65 rules", file(**merged(nobody, {"rate_limit": {"rules": many}})), "at most 64"),
            ("a module that is none", file(**merged(nobody, {"log": {"levels": {"dbb": "debug"}}})), "db"),
            ("no audit", file(**merged(nobody, {"log": {"levels": {"audit": "error"}}})), "always written"),
            ("a level that is none", file(**merged(nobody, {"log": {"levels": {"db": "loud"}}})), "log.levels"),
            ("a ratio of 1.5", file(**merged(nobody, {"breaker": {"failure_ratio": 1.5}})), "breaker.failure_ratio"),
            ("a route sampled sometimes", file(**merged(nobody, {"tracing": {"routes": {"/a": "sometimes"}}})), "tracing.routes"),
            ("peers that are none", file(**merged(nobody, {"tracing": {"trusted_peers": ["neighbours"]}})), "neighbours"),
            ("a leeway of a day", file(**merged(nobody, {"auth": {"leeway": "1d"}})), "auth.leeway"),
        ]

    def numbered(self, number):
        """One of a thousand configurations: names that come and go must leave nothing."""
        return {"auth": {"audiences": ["store", f"audience-{number}"], "leeway": f"{number % 60}s"},
                "rate_limit": {"requests_per_second": 1_000_000 + number, "rules": {f"rule-{number}": f"{number + 1} per 1s by user on /nowhere/{number}"}},
                "tracing": {"sampler_rate": 0, "routes": {f"/nowhere/{number}": "always"}, "slow": f"{number}s"},
                "breaker": {"failure_threshold": number + 1, "window": f"{number % 50 + 1}s"},
                "shedding": {"enabled": False, "queue_delay": f"{number % 1000 + 1}ms"},
                "log": {"levels": {("db", "http", "diagnostics")[number % 3]: ("debug", "warn")[number % 2]}}}

    def is_numbered(self, number):
        return f"q={1_000_000 + number};" in self.policy() and {one[0] for one in self.breakers()} == {number + 1}

    # How it shows.

    def probe(self, bearer):
        answer = self.store.request("GET", PROBED, headers={} if bearer is None else {"Authorization": f"Bearer {bearer}"})
        if answer.status not in (200, 401, 429):
            raise Failure(f"GET {PROBED}: {answer}")
        return answer

    def ask(self, bearer):
        return self.probe(bearer).status

    def somebody(self):
        self.asked += 1
        return self.token_of(f"somebody-{self.asked}")

    def lasting(self):
        now = int(time.time())
        return self.token_of("lasting", iat=now, exp=now + 6000)

    def limits_single_users(self):
        """Whether one user's fourth request is refused while another's first is not."""
        one = self.somebody()
        answers = [self.probe(one) for _ in range(4)]
        if [answer.status for answer in answers] == [200, 200, 200, 200]:
            return False
        last = answers[-1]
        if [answer.status for answer in answers] != [200, 200, 200, 429] or last.reason() != "RATE_LIMITED" or int(last.headers["retry-after"]) < 1:
            raise Failure(f"a user over the rule got {answers}")
        return self.ask(self.somebody()) == 200

    def policy(self):
        return self.probe(self.somebody()).headers.get("ratelimit-policy", "")

    def admin(self, path):
        status, body = self.store.ask_admin("GET", path, headers={"Accept": "application/json"})
        if status != 200:
            raise Failure(f"GET {path}: {status} {body[:300]}")
        return json.loads(body)

    def levels(self):
        return {module["name"]: module["level"] for module in self.admin("/debug/log")["modules"]}

    def breakers(self):
        """The options of all routes: one set of them, unless some have others."""
        names = ("failure_threshold", "open_time", "window", "failure_ratio", "minimum_calls", "probes")
        return {tuple(one["options"][name] for name in names) for one in self.admin("/debug/breakers")["breakers"] if one["kind"] == "route"}

    def has_no_breakers(self):
        return {one["options"]["enabled"] for one in self.admin("/debug/breakers")["breakers"]} == {False}

    def kept(self):
        """Ids of the probed route's traces that are kept with their spans."""
        rows = [row for row in self.admin("/debug/requests")["requests"] if row["name"] == f"GET {PROBED}"]
        return {one["trace_id"] for row in rows for bucket in row["buckets"] for one in bucket["examples"]}

    def is_sampled(self):
        before = self.kept()
        self.probe(self.somebody())
        new = self.kept() - before
        return any(self.admin(f"/debug/requests/{trace}")["spans"] for trace in new)

    def is_overloaded(self):
        """Asked for: so the load may be told to come again."""
        self.load.may_be_shed = True
        return self.metrics("shed_overloaded") == [1]

    def metrics(self, *names):
        status, text = self.store.ask_admin("GET", "/metrics")
        if status != 200:
            raise Failure(f"GET /metrics: {status}")
        found = dict(re.findall(r"^([a-z].*) (\S+)$", text.decode(), re.M))
        return [float(found[name]) for name in names]

    def state(self):
        """What is in force, as far as it shows."""
        return {"levels": self.levels(), "policy": self.policy(), "breakers": self.breakers(), "of another audience": self.ask(self.other),
                "without a token": self.ask(None), "a long life": self.ask(self.lasting()), "sampled": self.is_sampled()}

# SPDX-License-Identifier: Apache-2.0
"""What a real Prometheus makes of our metrics.

PAGE names a program that prints them. promtool and prometheus are the Debian package prometheus.
"""
import http.server
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "adopt"))
import servers  # noqa: E402

PAGE = os.environ["PAGE"]
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# Named before there was a rule; users have it in their rules.
KNOWN_LINT = ["db_statement_microseconds_total"]


def page(form):
    with tempfile.TemporaryDirectory() as folder:
        command = [PAGE, form, os.path.join(folder, "page.db")]
        return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


class Promtool(unittest.TestCase):
    def test_text_is_what_promtool_wants(self):
        checked = subprocess.run(["promtool", "check", "metrics"], input=page("prometheus"), capture_output=True,
                                 timeout=60, check=False)
        said = (checked.stdout + checked.stderr).decode().splitlines()
        found = [line for line in said if not any(line.startswith(name) for name in KNOWN_LINT)]
        self.assertEqual([], found)
        self.assertIn(checked.returncode, (0, 3))

    def test_promtool_can_say_no(self):
        broken = page("prometheus") + b"9a 1\n"
        checked = subprocess.run(["promtool", "check", "metrics"], input=broken, capture_output=True, timeout=60, check=False)
        self.assertNotIn(checked.returncode, (0, 3))


class Target:
    """Serves a page that was printed once, with the type that it has."""

    def __init__(self, body, accepted):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                accepted.append(self.headers["Accept"])
                self.send_response(200)
                self.send_header("Content-Type", OPEN_METRICS)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Prometheus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        good = page("openmetrics")
        # What Prometheus refuses a scrape for.
        bad = good.replace(b"\nhttp_server_active_requests 0\n", b'\nhttp_server_active_requests 0 # {trace_id="a"} 1\n')
        assert good != bad
        cls.accepted = []
        cls.targets = {"good": Target(good, cls.accepted), "bad": Target(bad, [])}
        cls.folder = tempfile.TemporaryDirectory()
        jobs = [f"  - job_name: {name}\n    scrape_interval: 1s\n    static_configs:\n      - targets: ['127.0.0.1:{target.port}']\n"
                for name, target in cls.targets.items()]
        config = os.path.join(cls.folder.name, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("scrape_configs:\n" + "".join(jobs))
        cls.port = servers.free_port()
        cls.log = open(os.path.join(cls.folder.name, "log"), "wb")
        cls.server = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={cls.folder.name}/data",
             f"--web.listen-address=127.0.0.1:{cls.port}", "--enable-feature=exemplar-storage"],
            stdout=cls.log, stderr=cls.log)

    @classmethod
    def tearDownClass(cls):
        cls.server.send_signal(signal.SIGTERM)
        cls.server.wait(30)
        cls.log.close()
        for target in cls.targets.values():
            target.stop()
        cls.folder.cleanup()

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def wait_for(self, what):
        """What `what` gives once it gives anything."""
        end = time.monotonic() + 60
        while True:
            try:
                if found := what():
                    return found
            except (urllib.error.URLError, ConnectionError):
                pass
            self.assertLess(time.monotonic(), end, "Prometheus did not get there")
            time.sleep(0.2)

    def value_of(self, query):
        found = self.ask("query", query=query)["result"]
        return [float(series["value"][1]) for series in found]

    def test_the_scrape_is_accepted(self):
        self.assertEqual([1.0], self.wait_for(lambda: self.value_of('up{job="good"}')))
        self.assertIn("application/openmetrics-text", self.accepted[0])
        targets = {target["labels"]["job"]: target for target in self.ask("targets")["activeTargets"]}
        self.assertEqual("", targets["good"]["lastError"])
        self.assertEqual([2.0], self.value_of("sum(http_server_requests_total)"))
        self.assertEqual([1.0], self.value_of('http_server_requests_total{route="/a \\"quoted\\" \\\\ route\\n"}'))
        self.assertEqual(1, len(self.value_of("process_live_objects_total{kind='tasks'}")))

    def test_a_scrape_with_an_exemplar_on_a_gauge_is_refused(self):
        self.assertEqual([0.0], self.wait_for(lambda: self.value_of('up{job="bad"}')))

    def test_exemplars_arrive(self):
        for query, value in (('http_server_request_duration_seconds_bucket{job="good"}', 0.7),
                             ('page_refusals_total{job="good"}', 1.0)):
            found = self.wait_for(lambda query=query: self.ask("query_exemplars", query=query, start=time.time() - 600,
                                                               end=time.time() + 600))
            exemplars = [one for series in found for one in series["exemplars"]]
            self.assertTrue(all(one["labels"] == {"trace_id": "a" * 32, "span_id": "b" * 16} for one in exemplars))
            self.assertIn(value, [float(one["value"]) for one in exemplars])


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From a slow bucket to its trace to its log lines, with a real Prometheus and a collector.

    tests/correlate/run.py --build build/release [--short] [--unsampled]

A service with one slow statement among quick ones is scraped by Prometheus and sends its spans to a collector. Prometheus
is asked for the exemplars of the slow buckets; each leads to a trace at the collector with the span of the statement, to
log lines with the same id, and to the same trace on the service's own /debug/requests. --unsampled: nothing is sampled,
which must be noticed. Ends with one line, PASS or FAIL.
"""
import argparse
import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "adopt"))
import collector as collecting  # noqa: E402
import servers  # noqa: E402

SLOW = 0.1  # seconds: above every quick request, below every report
METRIC = "http_server_request_duration_seconds"
SERVER, CLIENT = 2, 3


class Failure(Exception):
    pass


def get(url, accept="*/*", timeout=30):
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read()


def wait_for(what, look, seconds=30):
    """The first thing that `look` finds; polls, since nobody tells."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise Failure(f"no {what} within {seconds} s")


@contextlib.contextmanager
def running(command, **options):
    process = subprocess.Popen([str(word) for word in command], **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def prometheus(folder, target):
    """A Prometheus that scrapes `target` every second; gives its URL."""
    port = servers.free_port()
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n"
        f"  - {{job_name: shop, static_configs: [{{targets: ['{target}']}}]}}\n", encoding="ascii")
    with open(folder / "prometheus.log", "wb") as log:
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                   f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage"]
        with running(command, stdout=log, stderr=log, cwd=folder) as process:
            url = f"http://127.0.0.1:{port}"

            def is_ready():
                if process.poll() is not None:
                    raise Failure("prometheus ended: " + (folder / "prometheus.log").read_text(errors="replace")[-500:])
                with contextlib.suppress(urllib.error.URLError, ConnectionError):
                    return get(url + "/-/ready", timeout=2)
                return None

            wait_for("answer of prometheus", is_ready)
            yield url


def slow_exemplars(url, begin):
    """What Prometheus has of the slow buckets: (labels of the series, trace id, value)."""
    query = urllib.parse.urlencode({"query": METRIC + "_bucket", "start": begin, "end": time.time() + 60})
    answer = json.loads(get(f"{url}/api/v1/query_exemplars?{query}"))
    return [(series["seriesLabels"], one["labels"], float(one["value"]))
            for series in answer["data"] for one in series["exemplars"] if float(one["value"]) >= SLOW]


def follow_to_collector(collector, trace, seconds):
    """The request's span and the statement's, at the collector."""
    def both():
        spans = collector.of_trace(trace)
        entry = [span for span in spans if span["kind"] == SERVER]
        sql = [span for span in spans if span["kind"] == CLIENT and span["attributes"].get("db.system.name") == "sqlite"]
        return (entry[0], sql[0]) if entry and sql else None

    entry, sql = wait_for(f"trace {trace} with a statement at the collector", both)
    if entry["name"] != "GET /reports/{name}" or entry["attributes"].get("http.route") != "/reports/{name}":
        raise Failure(f"the exemplar leads to {entry}")
    if abs(entry["seconds"] - seconds) > 0.001:
        raise Failure(f"the exemplar says {seconds} s, its span {entry['seconds']} s")
    if sql["parent"] != entry["id"] or sql["seconds"] < SLOW or sql["seconds"] > entry["seconds"]:
        raise Failure(f"the statement is not where the time went: {sql}")
    if "3000000" in json.dumps(sql["attributes"]):
        raise Failure("the statement's span tells a value")
    return entry


def follow_to_log(path, trace):
    """The messages of the trace's log lines."""
    def lines():
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if trace in line]
        messages = [line["message"] for line in found if line.get("trace_id") == trace]
        return messages if {"counting", "slow statement", "request"} <= set(messages) else None

    return wait_for(f"log lines of trace {trace}", lines)


def follow_on_page(admin, trace):
    """The same with no outside system."""
    listed = json.loads(get(f"{admin}/debug/requests", "application/json"))
    row = next((row for row in listed["requests"] if row["name"] == "GET /reports/{name}"), None)
    kept = [one["trace_id"] for bucket in (row or {"buckets": []})["buckets"] for one in bucket["examples"]]
    if trace not in kept:
        raise Failure(f"/debug/requests does not have {trace} among {kept}")
    page = json.loads(get(f"{admin}/debug/requests/{trace}", "application/json"))
    if not any(span["attributes"].get("db.system.name") == "sqlite" for span in page["spans"]):
        raise Failure("/debug/requests has no span of the statement")
    if not any('"slow statement"' in line for line in page["lines"]):
        raise Failure("/debug/requests has no log line of the statement")
    html = get(f"{admin}/debug/requests/{trace}", "text/html").decode()
    if "slow statement" not in html or "GET /reports/{name}" not in html:
        raise Failure("the page of the trace is not whole")


def correlate(options, folder):
    reports, quick = (2, 20) if options.short else (8, 200)
    log = folder / "service.log"
    service = options.build / "tests/correlate/kit_correlate_service"
    begin = time.time()
    with collecting.Collector() as collector, open(log, "wb") as out:
        command = [service, folder, collector.url, "0" if options.unsampled else "1"]
        with running(command, stdout=subprocess.PIPE, stderr=out) as process:
            port, admin_port = process.stdout.readline().split()
            shop, admin = (f"http://127.0.0.1:{int(one)}" for one in (port, admin_port))
            with prometheus(folder, admin.removeprefix("http://")) as url:
                for number in range(reports):
                    for one in range(quick // reports):
                        get(f"{shop}/tracks/{one}")
                    get(f"{shop}/reports/{number}")
                try:
                    found = wait_for("exemplar", lambda: slow_exemplars(url, begin), 5 if options.unsampled else 30)
                except Failure as why:
                    raise Failure(f"no exemplar of a slow request at Prometheus: {why}") from why
                for labels, exemplar, seconds in found:
                    if labels["route"] != "/reports/{name}" or not re.fullmatch("[0-9a-f]{32}", exemplar["trace_id"]):
                        raise Failure(f"an exemplar of a slow bucket is of {labels}: {exemplar}")
                    entry = follow_to_collector(collector, exemplar["trace_id"], seconds)
                    if exemplar["span_id"] != entry["id"]:
                        raise Failure(f"the exemplar's span is {exemplar['span_id']}, the request's {entry['id']}")
                    messages = follow_to_log(log, exemplar["trace_id"])
                    follow_on_page(admin, exemplar["trace_id"])
        if process.returncode != 0:
            raise Failure(f"the service ended with {process.returncode}")
        if collector.faults:
            raise Failure(f"the collector refused {len(collector.faults)} requests: {collector.faults[0]}")
        traces = {span["trace"] for span in collector.spans if span["kind"] == SERVER}
        if len(traces) != reports + quick // reports * reports:
            raise Failure(f"{len(traces)} traces of {reports + quick} requests are at the collector")
        return (f"PASS correlate: {len(found)} exemplars of slow buckets led to their traces, statements, "
                f"{len(messages)} log lines and pages; {len(collector.spans)} spans of {len(traces)} requests, 0 faults")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--unsampled", action="store_true")
    with tempfile.TemporaryDirectory(prefix="kit-correlate-") as folder:
        try:
            print(correlate(parser.parse_args(), pathlib.Path(folder)))
        except (Failure, OSError, KeyError, ValueError) as why:
            print(f"FAIL correlate: {why}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""The rules and the dashboard of ops/: promtool takes them, every alert is tried, and every metric exists.

rules: with promtool. names: against the table of kit/app/README.md; --missing NAME pretends that the table lacks it.
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "ops/prometheus"
# Of Prometheus itself.
BUILT_IN = {"up"}
WORD = re.compile(r"[a-z_:][a-z0-9_:]*")


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], cwd=RULES, capture_output=True, text=True, timeout=120, check=False)
    return [] if done.returncode == 0 else [f"promtool {' '.join(arguments)}: {done.stdout}{done.stderr}"]


def check_rules():
    problems = promtool("check", "rules", "alerts.yaml", "recording.yaml")
    problems += promtool("test", "rules", "alerts_test.yaml")
    alerts = set(re.findall(r"- alert: (\w+)", (RULES / "alerts.yaml").read_text(encoding="utf-8")))
    test = (RULES / "alerts_test.yaml").read_text(encoding="utf-8")
    for alert in sorted(alerts):
        pattern = rf"alertname: {alert}\n\s+exp_alerts:"
        if not re.search(pattern + r" \[\]", test):
            problems.append(f"{alert}: no time in alerts_test.yaml when it does not fire")
        if not re.search(pattern + r"\n", test):
            problems.append(f"{alert}: no series in alerts_test.yaml that it fires for")
    return problems, f"{len(alerts)} alerts"


def known_metrics():
    """Every name in the table, with what a histogram is made of."""
    known = set(BUILT_IN)
    for line in (ROOT / "kit/app/README.md").read_text(encoding="utf-8").splitlines():
        if not line.startswith("| `"):
            continue
        names = re.findall(r"`([a-z0-9_]+)`", line.split("|")[1])
        known.update(names)
        if "histogram" in line:
            known.update(name + ending for name in names for ending in ("_bucket", "_sum", "_count"))
    return known


def metrics_of(expression):
    """The metrics of a PromQL expression: words that are no function, label, label value, duration or keyword."""
    text = re.sub(r'"(\\.|[^"\\])*"', "", expression)
    text = re.sub(r"\{[^}]*\}", "", text)
    text = re.sub(r"\b(by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)", "", text)
    text = re.sub(r"\[[^\]]*\]", "", text)
    text = re.sub(r"\$\w+|\b\d[\w.]*", "", text)
    words = {match.group() for match in WORD.finditer(text) if not text[match.end():].lstrip().startswith("(")}
    return {word for word in words if word not in {"and", "or", "unless", "bool", "offset"}}


def expressions(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "expr":
                yield inner
            elif key == "query" and isinstance(inner, str) and inner.startswith("label_values("):
                yield inner[len("label_values("):].rsplit(",", 1)[0]
            else:
                yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)


def rule_expressions(text):
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if not (found := re.match(r"(\s+)(?:- )?expr: (.*)", line)):
            continue
        whole = found.group(2)
        if whole.startswith(">"):
            indent = len(found.group(1))
            whole = ""
            for follower in lines[i + 1:]:
                if follower.strip() and len(follower) - len(follower.lstrip()) <= indent:
                    break
                whole += " " + follower.strip()
        yield whole


def check_names(missing):
    rules = {path.name: path.read_text(encoding="utf-8") for path in sorted(RULES.glob("*.yaml"))}
    known = known_metrics() - set(missing)
    recorded = set(re.findall(r"record: (\S+)", rules["recording.yaml"]))
    used = {name: [m for text in rule_expressions(rules[name]) for m in metrics_of(text)]
            for name in ("alerts.yaml", "recording.yaml")}
    for path in sorted((ROOT / "ops/grafana").glob("*.json")):
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        used[path.name] = [m for text in expressions(dashboard) for m in metrics_of(text)]
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(ids) == len(set(ids)), f"{path.name}: two panels of one id"
    problems = [f"{name}: there is no metric {metric}" for name, metrics in used.items()
                for metric in sorted(set(metrics) - known - recorded)]
    problems += [f"{name}: names no metric at all" for name, metrics in used.items() if len(set(metrics)) < 5]
    return problems, f"{len({m for metrics in used.values() for m in metrics})} metrics in {len(used)} files"


def main():
    what, *rest = sys.argv[1:]
    problems, figures = check_rules() if what == "rules" else check_names([name for name in rest if name != "--missing"])
    print("\n".join(problems))
    print(f"{'FAIL' if problems else 'PASS'} ops {what}: {figures}, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

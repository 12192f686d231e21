#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tries every entity of a running service, whatever its schema: what may be written, read, listed, changed and
removed, and what must be refused.

    tests/adopt/crud_from_model.py --kitgen build/debug/kitgen/cli/kitgen --project examples/store --url http://127.0.0.1:8080

The rules come from `kitgen generate --dump-model`, so nothing here knows a schema. The database has to be one
this may fill, and that no other run has filled. For each entity: POST with plain, boundary and missing values; each constraint at and past
its limit (400 with the field named); unique values twice (409); GET, list with each filter operator and each sort; PUT,
PATCH, If-Match (412), DELETE, 404. Ends with one line, PASS or FAIL.
"""
import argparse
import collections
import http.client
import json
import sys
import urllib.parse

import model_dump
import values

ANY_ID = 987654321


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body) if self.body else None

    def fields(self):
        """The fields an error names."""
        return {each["field"] for detail in (self.json() or {}).get("details", []) for each in detail.get("fieldViolations", [])}

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Runner:
    def __init__(self, url, entities):
        self.address = urllib.parse.urlsplit(url).netloc
        self.connection = None
        self.entities = {entity.name: entity for entity in entities}
        self.number = 0
        self.spare = {}  # entity -> id of a row to refer to
        self.checks = collections.Counter()
        self.failures = []

    def ask(self, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            headers["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
        for attempt in (1, 2):  # the server may have closed a connection it kept
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.address, timeout=30)
            try:
                self.connection.request(method, path, payload, headers)
                answer = self.connection.getresponse()
                return Answer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read().decode())
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.connection.close()
                self.connection = None
                if attempt == 2:
                    raise

    def expect(self, entity, what, wanted, answer):
        """Whether the status is the wanted one; otherwise noted."""
        self.checks[entity.name] += 1
        if answer.status == wanted:
            return True
        self.failures.append(f"{entity.name}: {what}: wanted {wanted}, got {answer!r}")
        return False

    def hold(self, entity, what, good, shown=""):
        self.checks[entity.name] += 1
        if not good:
            self.failures.append(f"{entity.name}: {what} {shown}"[:400])

    # --- bodies

    def body(self, entity, full=True, depth=0):
        """What POST takes; parents are made where needed. `full`: optional fields too."""
        self.number += 1
        made = {}
        for field in entity.writable:
            if field.target:
                if "required" in field.words or (full and depth == 0 and not self.leads_back(entity, field)):
                    made[field.name] = self.parent(field, depth)
            elif full or "required" in field.words:
                made[field.name] = values.good(field, self.number)
        return made

    def leads_back(self, entity, field):
        return field.target == entity.name and entity.name not in self.spare

    def parent(self, field, depth):
        """The id of a row to refer to: a new one where it may be used only once."""
        target = self.entities[field.target]
        if "unique" in field.words:
            return self.make(target, full=False, depth=depth + 1)["id"]
        if target.name not in self.spare:
            if depth > 12:
                raise RecursionError(f"required relations of {target.name} never end")
            self.spare[target.name] = self.make(target, full=False, depth=depth + 1)["id"]
        return self.spare[target.name]

    def make(self, entity, full=True, depth=0, **changes):
        body = {**self.fresh(entity, self.body(entity, full, depth), depth), **changes}
        answer = self.ask("POST", entity.path, body)
        if answer.status != 201:
            raise AssertionError(f"{entity.name}: POST {body}: {answer!r}")
        return answer.json()

    def fresh(self, entity, body, depth=0):
        """The body with other parents where only they can make a unique pair differ."""
        for columns, _ in entity.uniques:
            fields = [entity.field(column) for column in columns]
            if len(fields) < 2 or any(not field.target and field.type != "bool" and not field.values for field in fields):
                continue
            chosen = next((field for field in reversed(fields) if field.target), None)
            if chosen and chosen.name in body:
                body[chosen.name] = self.make(self.entities[chosen.target], full=False, depth=depth + 1)["id"]
        return body

    # --- what is tried

    def run(self):
        for entity in self.entities.values():
            try:
                self.entity(entity)
            except AssertionError as error:
                self.failures.append(str(error)[:600])
        return not self.failures

    def entity(self, entity):
        row = self.make(entity)
        self.create_and_read(entity)
        self.limits(entity)
        self.uniques(entity)
        self.lists(entity, row)
        self.changes(entity)
        self.removal(entity)

    def same(self, field, sent, got):
        if field.type in ("float", "double") and sent is not None:
            return abs(sent - got) <= abs(sent) * 1e-6
        if field.type == "time":
            return str(got).startswith(str(sent))
        return sent == got

    def compare(self, entity, what, sent, row):
        for name, value in sent.items():
            field = entity.field(name)
            if "secret" in field.words:
                self.hold(entity, f"{what}: {name} is secret but shown", name not in row)
            else:
                self.hold(entity, f"{what}: {name}", self.same(field, value, row.get(name)), f"sent {value!r}, got {row.get(name)!r}")

    def create_and_read(self, entity):
        for full in (True, False):
            body = self.fresh(entity, self.body(entity, full))
            answer = self.ask("POST", entity.path, body)
            if not self.expect(entity, "POST", 201, answer):
                continue
            row = answer.json()
            self.hold(entity, "Location", answer.headers.get("location") == f"{entity.path}/{row['id']}")
            self.compare(entity, "POST", body, row)
            read = self.ask("GET", f"{entity.path}/{row['id']}")
            self.expect(entity, "GET", 200, read)
            # What came with it (nested lists) is told by POST only.
            again = read.json()
            self.hold(entity, "GET after POST", again == {name: row[name] for name in row if name in again}, read.body)
            same = self.ask("GET", f"{entity.path}/{row['id']}", If_None_Match=read.headers["etag"])
            self.expect(entity, "GET If-None-Match", 304, same)
        for field in entity.writable:
            if "required" in field.words:
                body = self.body(entity)
                del body[field.name]
                self.refused(entity, f"POST without {field.name}", field, body)
        self.expect(entity, "POST an unknown field", 400, self.ask("POST", entity.path, {**self.body(entity), "no_such_field": 1}))
        for field in entity.fields:
            if "create" not in field.words:
                made = self.ask("POST", entity.path, {**self.fresh(entity, self.body(entity)), field.name: ANY_ID})
                if self.expect(entity, f"POST with {field.name}", 201, made):  # so that what was read can be sent back
                    self.hold(entity, f"{field.name} is never taken", made.json().get(field.name) != ANY_ID)

    def refused(self, entity, what, field, body):
        answer = self.ask("POST", entity.path, body)
        if self.expect(entity, what, 400, answer):
            self.hold(entity, f"{what} names the field", field.name in answer.fields(), answer.body)

    def limits(self, entity):
        for field in entity.writable:
            if field.target:
                missing = self.ask("POST", entity.path, {**self.body(entity), field.name: ANY_ID})
                self.expect(entity, f"POST with a {field.name} that is not there", 409, missing)
                self.hold(entity, f"{field.name} is named", field.name in missing.fields(), missing.body)
                self.refused(entity, f"POST {field.name} of the wrong type", field, {**self.body(entity), field.name: [1]})
                continue
            for value in values.on_the_limit(field):
                body = self.fresh(entity, {**self.body(entity), field.name: value})
                answer = self.ask("POST", entity.path, body)
                if self.expect(entity, f"POST {field.name} = {str(value)[:30]!r}, which is on the limit", 201, answer):
                    self.compare(entity, "limit", {field.name: value}, answer.json())
            for value, why in values.past_the_limit(field):
                self.refused(entity, f"POST {field.name} = {str(value)[:30]!r}, {why}", field, {**self.body(entity), field.name: value})

    def uniques(self, entity):
        for columns, condition in entity.uniques:
            first = self.fresh(entity, self.body(entity))
            if any(column not in first for column in columns) or "secret" in {word for column in columns for word in entity.field(column).words}:
                continue
            if condition and "IS NOT NULL" not in condition:
                continue
            self.expect(entity, f"POST for {columns}", 201, self.ask("POST", entity.path, first))
            again = {**self.fresh(entity, self.body(entity)), **{column: first[column] for column in columns}}
            answer = self.ask("POST", entity.path, again)
            if self.expect(entity, f"POST with {columns} twice", 409, answer):
                self.hold(entity, f"{columns} twice names a field", bool(answer.fields() & set(columns)), answer.body)

    def lists(self, entity, row):
        for field in entity.fields:
            value = row.get(field.name)
            for operator in field.filters:
                self.filter(entity, field, operator, value, row)
        for name in entity.lists.get("sort", []) + ["id"]:
            for sign in ("", "-"):
                answer = self.ask("GET", f"{entity.path}?sort={sign}{name}&limit=100")
                if self.expect(entity, f"sort={sign}{name}", 200, answer) and entity.field(name).type not in ("string", "text") and not entity.field(name).values:
                    got = [item[name] for item in answer.json()["items"] if item[name] is not None]
                    number = entity.field(name).type.startswith("decimal")
                    order = sorted(got, key=float if number else None, reverse=bool(sign))
                    self.hold(entity, f"sort={sign}{name} is sorted", got == order, got[:8])
        if entity.lists.get("search"):
            self.expect(entity, "search", 200, self.ask("GET", f"{entity.path}?search=a"))
        self.expect(entity, "an unknown filter", 400, self.ask("GET", f"{entity.path}?no_such_field=1"))
        page = self.ask("GET", f"{entity.path}?limit=1&total=true").json()
        self.hold(entity, "total", page["total"] >= 1 and len(page["items"]) == 1, page)
        if page.get("next_cursor"):
            more = self.ask("GET", f"{entity.path}?limit=1&cursor={urllib.parse.quote(page['next_cursor'])}").json()
            self.hold(entity, "the next page goes on", more["items"][0]["id"] != page["items"][0]["id"])

    def filter(self, entity, field, operator, value, row):
        shown = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
        is_own = field.name in ("limit", "cursor", "page", "sort", "total", "fields", "expand", "search", "deleted")
        name = field.name if operator == "eq" and not is_own else f"{field.name}.{operator}"
        if operator == "is_null":
            shown = "true" if value is None else "false"
        elif value is None or value == []:
            return
        elif operator == "has":
            shown = value[0]
        answer = self.ask("GET", f"{entity.path}?{name}={urllib.parse.quote(str(shown))}&limit=200&sort=-id")
        if not self.expect(entity, f"filter {name}={shown}", 200, answer):
            return
        ids = [item["id"] for item in answer.json()["items"]]
        has = operator in ("eq", "gte", "lte", "in", "contains", "like", "has", "is_null")
        if has and len(ids) < 200:
            self.hold(entity, f"filter {name}={shown} finds the row", row["id"] in ids, ids[:10])
        if not has:
            self.hold(entity, f"filter {name}={shown} leaves the row out", row["id"] not in ids, ids[:10])

    def changes(self, entity):
        row = self.make(entity)
        url = f"{entity.path}/{row['id']}"
        changeable = [field for field in entity.writable if "update" in field.words]
        tag = self.ask("GET", url).headers["etag"]
        fresh = self.fresh(entity, self.body(entity))
        put_body = {field.name: fresh[field.name] for field in changeable if field.name in fresh}
        known = {"If_Match": tag} if "version" in entity.keep else {}
        put = self.ask("PUT", url, put_body, **known)
        if self.expect(entity, "PUT", 200, put):
            self.compare(entity, "PUT", put_body, put.json())
            self.hold(entity, "GET after PUT", self.ask("GET", url).json() == put.json())
        for field in changeable:
            if field.name not in put_body:
                continue
            self.number += 1
            value = self.parent(field, 0) if field.target else values.good(field, self.number)
            if any(len(columns) > 1 and field.name in columns for columns, _ in entity.uniques):
                value = put_body[field.name]
            patched = self.ask("PATCH", url, {field.name: value})
            if self.expect(entity, f"PATCH {field.name}", 200, patched):
                self.compare(entity, "PATCH", {field.name: value}, patched.json())
            if field.optional:
                emptied = self.ask("PATCH", url, {field.name: None})
                if self.expect(entity, f"PATCH {field.name} to null", 200, emptied) and "secret" not in field.words:
                    self.hold(entity, f"{field.name} is null", emptied.json()[field.name] is None)
        self.expect(entity, "PATCH with a stale If-Match", 412, self.ask("PATCH", url, put_body, If_Match='"77777"'))
        for field in entity.writable:
            if "immutable" in field.words:
                self.expect(entity, f"PATCH the immutable {field.name}", 400,
                            self.ask("PATCH", url, {field.name: values.good(field, self.number + 1) if not field.target else ANY_ID}))

    def removal(self, entity):
        row = self.make(entity)
        url = f"{entity.path}/{row['id']}"
        self.expect(entity, "DELETE with a stale If-Match", 412, self.ask("DELETE", url, If_Match='"77777"'))
        self.expect(entity, "DELETE", 204, self.ask("DELETE", url))
        self.expect(entity, "GET after DELETE", 404, self.ask("GET", url))
        self.expect(entity, "DELETE again", 404, self.ask("DELETE", url))
        for method, body in (("PUT", self.body(entity)), ("PATCH", {})):
            if method == "PUT":
                body = {name: value for name, value in body.items() if "update" in entity.field(name).words}
            self.expect(entity, f"{method} of nothing", 404, self.ask(method, url, body))
        self.expect(entity, "GET of no id", 404, self.ask("GET", f"{entity.path}/x"))
        if "soft_delete" in entity.keep:
            self.expect(entity, "restore", 200, self.ask("POST", url + "/restore"))
            self.expect(entity, "GET after restore", 200, self.ask("GET", url))


def try_all(kitgen, project, url, fault=False):
    """Runs all; prints the failures; whether there were none. `fault`: believes that texts may be longer than they may."""
    entities = model_dump.read(kitgen, project)
    for field in (field for entity in entities for field in entity.fields if fault and "max_length" in field.limits):
        field.limits["max_length"] = str(int(field.limits["max_length"]) + 1)
    runner = Runner(url, entities)
    good = runner.run()
    for failure in runner.failures[:40]:
        print("  " + failure)
    for entity in entities:
        if not runner.checks[entity.name]:
            print(f"  {entity.name}: nothing was checked")
            good = False
    total = sum(runner.checks.values())
    print(f"{'PASS' if good else 'FAIL'} crud: {len(entities)} entities, {total} checks, {len(runner.failures)} failed")
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kitgen", required=True)
    parser.add_argument("--project", required=True)
    parser.add_argument("--url", required=True)
    options = parser.parse_args()
    sys.exit(0 if try_all(options.kitgen, options.project, options.url) else 1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads databases of real servers: the example of each dialect has to become the schema that tests/golden/adopt holds, over
TCP and over a socket; the schema has to generate; what is refused has to say so, without the password.

Usage: server_test.py postgres|mariadb --kitgen build/debug/kitgen/cli/kitgen       (UPDATE_GOLDENS=1 writes the golden file)

Ends with one line, PASS or FAIL.
"""
import argparse
import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import servers

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HOSTILE = {
    "postgres": 'CREATE TABLE "x\'; DROP TABLE a; --" ("a""b\n# c: [" int PRIMARY KEY, "{}" text DEFAULT \'x: [\n\'); CREATE TABLE "_" (":" int); '
                'COMMENT ON TABLE "_" IS E\'a\\nb: {c\\t\'; CREATE TABLE wide ({});',
    "mariadb": "CREATE TABLE `x'; DROP TABLE a; --` (`a\"b\n# c: [` INT PRIMARY KEY, `{}` VARCHAR(9) DEFAULT 'x: [\n'); CREATE TABLE `_` (`:` INT) "
               "COMMENT 'a\nb: {c\t'; CREATE TABLE wide ({});",
}


class Test:
    def __init__(self, kind, kitgen):
        self.kind, self.kitgen = kind, kitgen
        self.count, self.failures = 0, []

    def hold(self, what, good, shown=""):
        self.count += 1
        if not good:
            self.failures.append(f"{what}: {shown}"[:1500])

    def from_db(self, url, *options, password=""):
        environment = {**os.environ, "KITGEN_DB_PASSWORD": password}
        return subprocess.run([self.kitgen, "schema", "from-db", "--database", url, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, env=environment, timeout=120)

    def golden(self, text):
        path = ROOT / f"tests/golden/adopt/rental.{self.kind}.yaml"
        text = re.sub(r"\((PostgreSQL|MariaDB) [0-9.]+\)", r"(\1)", text, count=1)
        if os.environ.get("UPDATE_GOLDENS"):
            path.write_text(text)
        wanted = path.read_text()
        self.hold("the schema is the golden one", text == wanted, "".join(difflib.unified_diff(wanted.splitlines(True), text.splitlines(True))))

    def generates(self, schema):
        """The whole of a project follows from it, and no file is left as it was."""
        with tempfile.TemporaryDirectory(prefix="kit-adopt-") as folder:
            subprocess.run([self.kitgen, "new", "rental", "--dir", folder], check=True, stdout=subprocess.PIPE)
            (pathlib.Path(folder) / "api/rental.yaml").write_text(schema)
            made = subprocess.run([self.kitgen, "generate", "--project", folder, "--recreate-migrations"], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
            self.hold("generate", made.returncode == 0, made.stdout)
            up = subprocess.run([self.kitgen, "migrate", "up", "--database", f"{folder}/x.db", "--migrations", f"{folder}/migrations"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.hold("migrate up", up.returncode == 0, up.stdout)

    def run(self, server):
        server.load("rental", (HERE / f"rental.{self.kind}.sql").read_text())
        made = self.from_db(server.url("rental"), "--service", "rental")
        self.hold("from-db", made.returncode == 0, made.stderr)
        self.golden(made.stdout)
        self.generates(made.stdout)
        other = self.from_db(server.socket_url("rental"), "--service", "rental", password=servers.PASSWORD)
        self.hold("over a socket, password from the environment", other.stdout == made.stdout, other.stderr)
        few = self.from_db(server.url("rental"), "--tables", "film,language", "--service", "few")
        self.hold("--tables", few.returncode == 0 and few.stdout.count("\n  Film:") == 1 and "Customer:" not in few.stdout, few.stdout)
        self.hostile(server)
        self.digits(server)
        self.refusals(server)
        return not self.failures

    def hostile(self, server):
        columns = ", ".join(f"c{i} int" for i in range(1010 if self.kind == "mariadb" else 1500))
        head, _, tail = HOSTILE[self.kind].rpartition("{}")
        server.load("hostile", head + columns + tail)
        made = self.from_db(server.url("hostile"))
        self.hold("hostile names", made.returncode == 0, made.stderr)
        self.hold("a wide table", "columns only the first 1000 are carried" in made.stdout, made.stderr)
        self.hold("lines of the catalogue stay comments or texts", "\nb: {c" not in made.stdout and "\n# c: [" not in made.stdout, made.stdout[:900])

    def digits(self, server):
        """No value of the old column may be too large for the new one."""
        more = ", e numeric(5,-2), f numeric" if self.kind == "postgres" else ""
        server.load("digits", f"CREATE TABLE prices (id int PRIMARY KEY, a numeric(40,20), b numeric(20,10), c numeric(38,0), d numeric(18,2){more});")
        made = self.from_db(server.url("digits"), "--service", "digits")
        lines = ["a: {type: string, max: 43, optional: true}", "b: {type: decimal(18,8), optional: true}", "c: {type: string, max: 41, optional: true}",
                 "d: {type: decimal(18,2), optional: true}"]
        lines += ["e: {type: decimal(7,0), optional: true}", "f: {type: decimal(18,6), optional: true}"] if more else []
        for line in lines:
            self.hold(f"digits: {line}", line in made.stdout, made.stdout + made.stderr)
        self.generates(made.stdout)

    def refusals(self, server):
        secret = "wr0ng-secret"
        for what, url, message in (("a wrong password", server.url("rental", secret), "PostgreSQL: " if self.kind == "postgres" else "MySQL: "),
                                   ("no such database", server.url("nothing"), "nothing"),
                                   ("a closed port", server.url("rental").replace(str(server.port), str(servers.free_port())), "connect"),
                                   ("an unknown parameter", server.url("rental") + "?options=-cx", "unknown parameter 'options'"),
                                   ("no database", server.url(""), "names no database")):
            refused = self.from_db(url)
            self.hold(what, refused.returncode == 1 and message in refused.stderr, f"{refused.returncode} {refused.stderr}")
            self.hold(f"{what}: the password is not shown", secret not in refused.stderr and servers.PASSWORD not in refused.stderr, refused.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["postgres", "mariadb"])
    parser.add_argument("--kitgen", required=True)
    options = parser.parse_args()
    test = Test(options.kind, pathlib.Path(options.kitgen).resolve())
    with {"postgres": servers.Postgres, "mariadb": servers.MariaDb}[options.kind]() as server:
        good = test.run(server)
    for failure in test.failures:
        print("  " + failure)
    print(f"{'PASS' if good else 'FAIL'} adopt {options.kind}: {test.count} checks, {len(test.failures)} failed")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kitgen migrate on a real database, with the store's schema and a change of it: what people see, and that the way down leads back.

Usage: kitgen_migrate_test.py sqlite|postgres|mariadb --kitgen PROGRAM

Ends with one line, PASS or FAIL.
"""
import argparse
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "adopt"))
import servers  # noqa: E402

OWN = ("kit_migrations", "kit_migration_failures", "kit_migration_journal")
DIALECT = {"postgres": "postgresql", "mariadb": "mysql", "sqlite": ""}


class Failure(Exception):
    pass


def check(is_true, what):
    if not is_true:
        raise Failure(what)


class Project:
    """The store's schema in a folder of its own, with migrations for all databases."""

    def __init__(self, folder, kitgen):
        self.folder = folder
        self.kitgen_program = kitgen
        self.environment = {**os.environ, "KITGEN_DB_PASSWORD": servers.PASSWORD}
        (folder / "api").mkdir()
        shutil.copy(ROOT / "examples" / "store" / "api" / "store.yaml", folder / "api" / "store.yaml")
        self.kitgen("generate", "--add-database=postgresql", "--add-database=mysql")

    def kitgen(self, *words, fails=False):
        done = subprocess.run([self.kitgen_program, *words], cwd=self.folder, env=self.environment, capture_output=True, text=True)
        if (done.returncode != 0) != fails:
            raise Failure(f"kitgen {' '.join(words)}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout + done.stderr

    def change(self):
        """A field of a table that is there, and an index of it."""
        schema = self.folder / "api" / "store.yaml"
        text = schema.read_text()
        start = text.index("  Artist:")
        fields = text.index("    fields:\n", start)
        at = text.index("\n", fields) + 1
        text = (text[:fields] + "    indexes: [[nickname]]\n" + text[fields:at] +
                "      nickname: {type: string, max_length: 40, optional: true}\n" + text[at:])
        schema.write_text(text)
        self.kitgen("generate")


def dump_sqlite(path):
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2").fetchall()
    connection.close()
    return "\n".join(f"{kind} {name} {sql}".replace('"', "") for kind, name, sql in rows if name not in OWN)


def dump_postgres(server, database):
    program = servers.program("pg_dump", "/usr/lib/postgresql/*/bin")
    text = server.run([program, "-s", "-h", server.folder, "-p", server.port, "-U", "kit", "--no-owner",
                       *[f"--exclude-table={table}" for table in OWN], database], env={**os.environ, "PGPASSWORD": servers.PASSWORD})
    # A key that newer versions write differs from run to run.
    return "\n".join(line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def dump_mariadb(server, database):
    text = server.run(["mariadb-dump", "--no-defaults", f"--socket={server.folder}/socket", "-u", "root", "--no-data", "--skip-comments",
                       *[f"--ignore-table={database}.{table}" for table in OWN], database])
    return re.sub(r" AUTO_INCREMENT=\d+", "", text)


def up_down_up(project, address, dump):
    """The whole history up, to nothing, and up again."""
    migrate = ["--database", address]
    nothing = dump()
    project.kitgen("migrate", "up", *migrate)
    first = dump()
    check(first != nothing, "up made nothing")
    check("The database is up to date" in project.kitgen("migrate", "status", *migrate), "status does not say that it is up to date")
    project.change()
    plan = project.kitgen("migrate", "plan", *migrate)
    check("nickname" in plan and "--   lock: " in plan and "--   cost: " in plan, f"the plan says too little:\n{plan}")
    project.kitgen("migrate", "up", *migrate)
    second = dump()
    check("nickname" in second and second != first, "the change is not there")
    steps = project.kitgen("migrate", "status", *migrate).count("applied ")
    project.kitgen("migrate", "down", str(steps - 1), *migrate)
    check(dump() == first, "down leads elsewhere:\n" + difference(first, dump()))
    project.kitgen("migrate", "up", *migrate)
    check(dump() == second, "up after down leads elsewhere:\n" + difference(second, dump()))
    project.kitgen("migrate", "down", str(steps), *migrate)
    check(dump() == nothing, "down to nothing leaves something:\n" + difference(nothing, dump()))
    project.kitgen("migrate", "up", *migrate)
    check(dump() == second, "everything anew leads elsewhere:\n" + difference(second, dump()))
    return steps, plan


def difference(wanted, found):
    wanted, found = wanted.splitlines(), found.splitlines()
    return "\n".join([f"- {line}" for line in wanted if line not in found][:20] + [f"+ {line}" for line in found if line not in wanted][:20])


def check_files(project):
    found = project.kitgen("migrate", "lint")
    check("nothing found" in found, f"kitgen's own files are found fault with: {found}")
    started = project.kitgen("migrate", "new", "by_hand")
    for folder in ("", "postgresql/", "mysql/"):
        check(f"migrations/{folder}" in started, f"no step was started in {folder}: {started}")
        for path in sorted((project.folder / "migrations" / folder).glob("*_by_hand.*")):
            path.write_text("DROP TABLE artists;\n" if path.name.endswith("up.sql") else "SELECT 1;\n")
    found = project.kitgen("migrate", "lint", fails=True)
    check(found.count("drop-table: ") == 3, f"lint does not know all three: {found}")
    for path in (project.folder / "migrations").rglob("*_by_hand.*"):
        path.unlink()


def check_server(project, kind, server, address):
    plan = project.kitgen("migrate", "plan", "--database", address.replace("conformance", "planned"))
    check("CREATE TABLE" in plan, "a plan for an empty database")
    wrong = address.replace(":" + str(server.port), ":1")
    check(servers.PASSWORD not in project.kitgen("migrate", "up", "--database", wrong, fails=True), "the password is shown")
    shutil.move(project.folder / "migrations" / DIALECT[kind], project.folder / "away")
    said = project.kitgen("migrate", "up", "--database", address, fails=True)
    check(f"kitgen generate --add-database {DIALECT[kind]}" in said, f"it does not say what to run: {said}")
    shutil.move(project.folder / "away", project.folder / "migrations" / DIALECT[kind])


def on_server(kind, project):
    server_class, dump = {"postgres": (servers.Postgres, dump_postgres), "mariadb": (servers.MariaDb, dump_mariadb)}[kind]
    with server_class() as server:
        for database in ("conformance", "planned"):
            server.load(database, "SELECT 1;")
        address = server.url("conformance").replace(":se%2Fcr%40t%3F1", "")  # the password comes from the environment
        check_server(project, kind, server, address)
        return up_down_up(project, address, lambda: dump(server, "conformance"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["sqlite", "postgres", "mariadb"])
    parser.add_argument("--kitgen", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kit-migrate-") as name:
        try:
            project = Project(pathlib.Path(name), os.path.abspath(options.kitgen))
            if options.kind == "sqlite":
                check_files(project)
                path = str(project.folder / "x.db")
                sqlite3.connect(path).close()
                steps, _ = up_down_up(project, path, lambda: dump_sqlite(path))
            else:
                steps, plan = on_server(options.kind, project)
                if options.kind == "postgres":
                    check("SHARE UPDATE EXCLUSIVE" in plan and "CREATE INDEX CONCURRENTLY" in plan, f"no index beside writers:\n{plan}")
        except Failure as failure:
            print(f"FAIL kitgen migrate on {options.kind}: {failure}")
            return 1
    print(f"PASS kitgen migrate on {options.kind}: {steps} steps up, down and up again to the same database")
    return 0


if __name__ == "__main__":
    sys.exit(main())

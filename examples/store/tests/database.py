# SPDX-License-Identifier: Apache-2.0
"""Where a test's program keeps its rows: an SQLite file of its own, or a database of its own on the server that the environment
names in TEST_SERVER. That is a JSON object: `dialect` (postgresql or mysql), `url` (up to the database's name), `client`
(a command that runs SQL from its standard input in the database that is its last word) and `environment` (for it)."""
import json
import os
import pathlib
import sqlite3
import subprocess
import uuid

SERVER = json.loads(os.environ.get("TEST_SERVER", "null"))
IS_SERVER = SERVER is not None


class SqliteFile:
    dialect = "sqlite"
    epoch = "0"

    def __init__(self, folder, name="store"):
        self.path = os.path.join(folder, name + ".db")
        self.settings = [f"--database.path={self.path}"]
        self.shown = self.path

    def rows(self, sql, *parameters):
        with sqlite3.connect(self.path) as opened:
            return opened.execute(sql, parameters).fetchall()

    def dump(self):
        """All rows as one text, but for kit's own tables."""
        with sqlite3.connect(self.path) as opened:
            return "\n".join(line for line in opened.iterdump() if "kit_" not in line)

    def problems(self):
        """What is broken in it."""
        return [row for row in self.rows("PRAGMA integrity_check") if row != ("ok",)] + self.rows("PRAGMA foreign_key_check")

    def as_text(self, bytes_column):
        return f"CAST({bytes_column} AS TEXT)"

    def series(self, count):
        return f"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n)"

    def padded(self, width):
        return f"printf('%0{width}d', i)"

    def scattered(self):
        """112 characters that don't compress, other ones in each row."""
        return "substr(hex(randomblob(60)) || printf('%08d', i), 9)"


class ServerDatabase:
    """Made with its folder's first program; the folder remembers its name."""

    def __init__(self, folder, name="store"):
        self.dialect = SERVER["dialect"]
        note = pathlib.Path(folder, name + ".database")
        if not note.exists():
            note.write_text(f"t_{uuid.uuid4().hex}")
            first = "postgres" if self.dialect == "postgresql" else "mysql"
            quoted = f'"{note.read_text()}"' if self.dialect == "postgresql" else f"{note.read_text()} CHARACTER SET utf8mb4"
            self.run(f"CREATE DATABASE {quoted}", first)
        self.name = note.read_text()
        self.settings = [f"--database.url={SERVER['url']}{self.name}"]
        self.shown = self.name
        self.epoch = "to_timestamp(0)" if self.dialect == "postgresql" else "'1970-01-01'"

    def run(self, sql, database=None):
        done = subprocess.run([*SERVER["client"], database or self.name], input=sql, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={**os.environ, **SERVER["environment"]})
        if done.returncode:
            raise AssertionError(f"{sql[:500]}\n{done.stdout[-2000:]}")
        return done.stdout

    def rows(self, sql, *parameters):
        for value in parameters:
            sql = sql.replace("?", str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'", 1)
        return [tuple(self.value(text) for text in line.split("\t")) for line in self.run(sql).splitlines() if line]

    @staticmethod
    def value(text):
        if text in ("NULL", "\\N"):
            return None
        return int(text) if text.lstrip("-").isdigit() and len(text) < 19 else text

    def tables(self):
        schema = "current_schema()" if self.dialect == "postgresql" else "DATABASE()"
        found = self.rows(f"SELECT table_name FROM information_schema.tables WHERE table_schema = {schema} ORDER BY 1")
        return [name for (name,) in found if not name.startswith("kit_")]

    def dump(self):
        return "\n".join(self.run(f"SELECT * FROM {table} ORDER BY 1, 2") for table in self.tables())

    def problems(self):
        return []  # the server's matter: it has checked every row

    def as_text(self, bytes_column):
        return f"convert_from({bytes_column}, 'UTF8')" if self.dialect == "postgresql" else f"CONVERT({bytes_column} USING utf8mb4)"

    def series(self, count):
        if self.dialect == "postgresql":
            return f"(SELECT i FROM generate_series(1, {count}) AS g(i))"
        return f"(SELECT seq AS i FROM seq_1_to_{count})"

    def padded(self, width):
        return f"lpad(CAST(i AS char({width})), {width}, '0')" if self.dialect == "mysql" else f"lpad(i::text, {width}, '0')"

    def scattered(self):
        if self.dialect == "postgresql":
            return "md5(i::text || 'a') || md5(i::text || 'b') || md5(i::text || 'c') || left(md5(i::text || 'd'), 16)"
        return "concat(md5(concat(i, 'a')), md5(concat(i, 'b')), md5(concat(i, 'c')), left(md5(concat(i, 'd')), 16))"


def database_of(folder, name="store"):
    return (ServerDatabase if IS_SERVER else SqliteFile)(folder, name)

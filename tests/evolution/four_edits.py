#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The four edits that other generators lose, on a copy of the music store with 100 000 customers: a change by hand in a
service, a renamed field, a longer text, a new required field. Nothing of it may cost a row, a value or a line of code,
and `migrate down` has to lead back to the same bytes.

Usage: four_edits.py --build build/debug [--short] [--rows 100000] [--fault schema|row|hand]
"""

import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STORE = ROOT / "examples/store"
SERVICE = "internal/service/customer_service.cpp"
BY_HAND = "  // By hand: addresses are compared without regard to case.\n"
# What is edited in api/store.yaml: within the entity Customer, and in what refers to the renamed field.
EDITS = [
    ("      phone:       {type: string, max: 24, optional: true}\n",
     "      telephone:   {type: string, max: 24, optional: true, renamed_from: phone}\n"),
    ("          Phone: phone\n", "          Phone: telephone\n          Tier: tier\n"),
    ("      first_name:  {type: string, max: 40}\n", "      first_name:  {type: string, max: 80}\n"),
    ("    belongs_to:\n      support_rep:", "      tier:        {type: string, max: 20, backfill: standard}\n"
                                          "    belongs_to:\n      support_rep:"),
]


class Failure(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Failure(what)


def run(command, cwd=None, code=0):
    result = subprocess.run([str(word) for word in command], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)
    expect(result.returncode == code, f"{' '.join(map(str, command))}: exit {result.returncode}\n{result.stdout}")
    return result.stdout


def copy_store(folder):
    skip = shutil.ignore_patterns("data", "tests", "*.db*", "build", "node_modules")
    shutil.copytree(STORE, folder, ignore=skip)


def edit_schema(path):
    text = path.read_text(encoding="utf-8")
    start = text.index("  Customer:\n")
    head, tail = text[:start], text[start:]
    for old, new in EDITS:
        expect(old in tail, f"the store's schema no longer has this line: {old.strip()}")
        tail = tail.replace(old, new, 1)
    path.write_text(head + tail, encoding="utf-8")


def fill(database, rows):
    """Names at their limit and beyond ASCII, gaps between ids, some deleted softly, ids that are given and gone."""
    connection = sqlite3.connect(database)
    now = 1_700_000_000_000_000

    def customers():
        for i in range(1, rows + 1):
            name = ("Zoë-漢-" + str(i))[:40] if i % 7 else "n" * 40
            phone = f"+49 30 {i:08d}" if i % 5 else None
            yield (2 * i, name, f"Last {i}"[:20], phone, "DE" if i % 3 else None, f"c{i}@example.com", now + i, now + i,
                   1 + i % 3, now if i % 11 == 0 else None)

    with connection:
        connection.executemany(
            "INSERT INTO customers (id, first_name, last_name, phone, country, email, created_at, updated_at, version, "
            "deleted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", customers())
        connection.executemany(
            "INSERT INTO invoices (id, invoice_date, status, total, customer_id, created_at, updated_at, version) "
            "VALUES (?, ?, 'paid', 100, ?, ?, ?, 1)",
            ((i, now, 2 * (i % rows + 1), now, now) for i in range(1, rows // 20 + 1)))
        connection.execute("UPDATE sqlite_sequence SET seq = seq + 5 WHERE name = 'customers'")
    connection.close()


def normalised(sql):
    """A definition with its parts in order: columns stand in another order after a rebuild."""
    sql = re.sub(r"--[^\n]*", "", sql).replace('"', "")
    parts, depth, part = [], 0, ""
    for character in re.sub(r"\s+", " ", sql):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 1:
            parts.append(part.strip())
            part = ""
        else:
            part += character
    # Between the first bracket and the last one.
    parts.append(part.strip())
    first = parts[0].find("(")
    last = parts[-1].rfind(")")
    head, tail = parts[0][:first + 1].strip(), parts[-1][last:].strip()
    if len(parts) == 1:
        return parts[0]
    parts[0], parts[-1] = parts[0][first + 1:].strip(), parts[-1][:last].strip()
    return " ".join([head, *sorted(re.sub(r" +", " ", each) for each in parts), tail])


def dump_hash(database):
    """SHA-256 of the schema and of every row, whatever the order of columns."""
    connection = sqlite3.connect(database)
    digest = hashlib.sha256()
    schema = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL "
                                "AND name NOT LIKE 'kit_migration%' ORDER BY name").fetchall()
    for kind, name, sql in schema:
        digest.update(f"{kind} {name} {normalised(sql)}\n".encode())
    digest.update(repr(connection.execute("SELECT name, seq FROM sqlite_sequence ORDER BY name").fetchall()).encode())
    for kind, name, _ in schema:
        if kind != "table" or name.startswith("sqlite_"):
            continue
        columns = sorted(row[1] for row in connection.execute(f'PRAGMA table_info("{name}")'))
        names = ", ".join(f'"{column}"' for column in columns)
        digest.update(f"{name} {names}\n".encode())
        for row in connection.execute(f'SELECT {names} FROM "{name}" ORDER BY {names}'):
            digest.update(repr(row).encode())
    connection.close()
    return digest.hexdigest()


def takes_name(database, length):
    """Whether the database itself takes a first name of this length."""
    connection = sqlite3.connect(database)
    try:
        connection.execute("UPDATE customers SET first_name = ? WHERE id = 2", ("x" * length,))
        return True
    except sqlite3.IntegrityError:
        return False
    finally:
        connection.rollback()
        connection.close()


def without_first_line(text):
    """The first line of a started file names its line of the schema."""
    return text.split("\n", 1)[1] if text.startswith("// Started by kitgen") else text


def sources(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("internal/**/*.*")}


def compile_flags(build):
    """The store's own flags, without its precompiled header, which holds the old headers."""
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        if entry["file"].endswith(f"examples/store/{SERVICE}"):
            words = shlex.split(entry["command"])
            break
    else:
        raise Failure("the build does not know the store")
    flags, skip = [], 0
    for i, word in enumerate(words):
        if skip:
            skip -= 1
        elif word == "-Xclang":
            skip = 1
        elif word in ("-o", "-c"):
            skip = 1
        elif word != "-Winvalid-pch" and not word.endswith("ccache"):
            flags.append(word)
    return flags


def check_compiles(folder, build, changed, short):
    flags = [word.replace(str(STORE), str(folder)) if word == f"-I{STORE}" else word for word in compile_flags(build)]
    files = sorted(name for name in changed if name.endswith(".cpp") and (folder / name).exists())
    if short:
        files = [name for name in files if "/customer" in name] + [SERVICE]
    else:
        # A changed header reaches everybody.
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("internal/**/*.cpp"))
        files.append("main.cpp")
    mode = ["-fsyntax-only"] if short else ["-c", "-o", "/dev/null"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: run([*flags, *mode, folder / name], cwd=build), files))
    return len(files)


def check_migration(folder):
    before = {each.name for each in (STORE / "migrations").glob("*.up.sql")}
    files = sorted(each for each in (folder / "migrations").glob("*.up.sql") if each.name not in before)
    expect(len(files) == 1, f"one new migration expected, found {[each.name for each in files]}")
    text = files[0].read_text(encoding="utf-8")
    expect(re.search(r"ALTER TABLE customers RENAME COLUMN phone TO telephone", text), "the rename is none:\n" + text)
    expect("destructive:" not in text, "it would lose something:\n" + text)
    return files[0]


def check_rows(database, rows, phones):
    connection = sqlite3.connect(database)
    one = lambda sql: connection.execute(sql).fetchone()[0]
    expect(one("SELECT count(*) FROM customers") == rows, "customers are missing")
    expect(one("SELECT count(*) FROM customers WHERE tier = 'standard'") == rows, "the new field is not filled everywhere")
    expect(one("SELECT \"notnull\" FROM pragma_table_info('customers') WHERE name = 'tier'") == 1, "tier may be null")
    expect(connection.execute("SELECT id, telephone FROM customers ORDER BY id").fetchall() == phones,
           "the renamed field has other values")
    expect(connection.execute("PRAGMA foreign_key_check").fetchall() == [], "foreign keys are broken")
    expect(one("PRAGMA integrity_check") == "ok", "the file is damaged")
    connection.close()


def inject(fault, folder, migration):
    """A defect that has to be found."""
    down = pathlib.Path(str(migration).replace(".up.sql", ".down.sql"))
    if fault == "schema":
        down.write_text(down.read_text() + "\nCREATE INDEX ix_too_much ON customers (fax);\n")
    elif fault == "row":
        down.write_text(down.read_text() + "\nUPDATE customers SET phone = NULL WHERE id = 8;\n")
    elif fault == "hand":
        (folder / SERVICE).write_text((STORE / SERVICE).read_text())


def go(options, scratch):
    folder = scratch / "store"
    database = folder / "store.db"
    build = pathlib.Path(options.build).resolve()
    kitgen = build / "kitgen/cli/kitgen"
    migrate = lambda verb, *more: run([kitgen, "migrate", verb, "--database", database, *more], cwd=folder)
    copy_store(folder)
    run([kitgen, "generate", "--all"], cwd=folder)
    migrate("up")
    fill(database, options.rows)
    # (a) by hand
    service = folder / SERVICE
    service.write_text(service.read_text(encoding="utf-8").replace("  co_await kit::validate::check(input", BY_HAND +
                                                                   "  co_await kit::validate::check(input", 1))
    by_hand = service.read_text(encoding="utf-8")
    expect(BY_HAND in by_hand, "the service has no place for the edit")
    before_edit = sources(folder)
    before = dump_hash(database)
    connection = sqlite3.connect(database)
    phones = connection.execute("SELECT id, phone FROM customers ORDER BY id").fetchall()
    connection.close()
    expect(takes_name(database, 40) and not takes_name(database, 41), "the old limit does not hold")
    # (b), (c), (d)
    edit_schema(folder / "api/store.yaml")
    run([kitgen, "generate", "--all"], cwd=folder)
    migration = check_migration(folder)
    inject(options.fault, folder, migration)
    expect(without_first_line(service.read_text(encoding="utf-8")) == without_first_line(by_hand),
           "the edit by hand was changed")
    changed = {name for name, text in sources(folder).items() if before_edit.get(name) != text}
    plan = json.loads(migrate("plan", "--json"))["steps"]
    expect(len(plan) == 1 and plan[0]["rows"] >= options.rows and not plan[0]["destructive"], f"the plan says {plan}")
    start = time.monotonic()
    migrate("up")
    up = time.monotonic() - start
    check_rows(database, options.rows, phones)
    expect(takes_name(database, 80) and not takes_name(database, 81), "the new limit does not hold")
    between = dump_hash(database)
    start = time.monotonic()
    migrate("down")
    down = time.monotonic() - start
    after = dump_hash(database)
    expect(after == before, f"down leads elsewhere: {before} before, {after} after")
    migrate("up")
    expect(dump_hash(database) == between, "up again leads elsewhere")
    compiled = check_compiles(folder, build, changed, options.short)
    how = "parsed" if options.short else "compiled"
    return (f"{options.rows} customers; hand edit kept, field renamed, text longer, new field filled; up {up:.1f} s, "
            f"down {down:.1f} s; {compiled} files {how}; dump {before[:16]} before and after, {between[:16]} between")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--fault", choices=["schema", "row", "hand"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kit-four-edits-") as scratch:
        try:
            figures = go(options, pathlib.Path(scratch))
        except Failure as failure:
            print(failure)
            print(f"FAIL four-edits: {str(failure).splitlines()[0]}")
            return 1
    print(f"PASS four-edits: {figures}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

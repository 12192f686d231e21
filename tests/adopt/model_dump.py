# SPDX-License-Identifier: Apache-2.0
"""Reads what `kitgen generate --dump-model` prints: the checked schema of any project, as plain objects."""
import dataclasses
import re
import subprocess


@dataclasses.dataclass
class Field:
    name: str
    type: str
    origin: str
    words: set
    limits: dict = dataclasses.field(default_factory=dict)
    filters: list = dataclasses.field(default_factory=list)
    values: list = dataclasses.field(default_factory=list)  # of an enum

    @property
    def target(self):
        """The entity an id belongs to, or None."""
        return self.type[3:] if self.type.startswith("id:") else None

    @property
    def optional(self):
        return "optional" in self.words

    @property
    def has_default(self):
        return "default" in self.limits


@dataclasses.dataclass
class Entity:
    name: str
    path: str = ""
    keep: str = ""
    fields: list = dataclasses.field(default_factory=list)
    uniques: list = dataclasses.field(default_factory=list)  # (columns, condition)
    lists: dict = dataclasses.field(default_factory=dict)
    relations: list = dataclasses.field(default_factory=list)  # (kind, name, target, rest)

    def field(self, name):
        return next(field for field in self.fields if field.name == name)

    @property
    def writable(self):
        return [field for field in self.fields if "create" in field.words]


def words_of(text):
    """[a, b] as a list."""
    return [word for word in text.strip("[]").split(", ") if word]


def limits_of(text):
    """min=..., max_length=40 default={"..." cpp:...} as texts; of a value only the form on the wire."""
    limits = {}
    for key, quoted, plain in re.findall(r'(\w+)=(?:\{"((?:[^"\\]|\\.)*)"[^}]*\}|(\S+))', text):
        limits[key] = plain or quoted
    return limits


def parse(text):
    entities, enums, current = [], {}, None
    for line in text.splitlines():
        body = line.strip()
        key, _, rest = body.partition(" ")
        if line.startswith("enum "):
            current = enums.setdefault(rest.split()[0], [])
        elif line.startswith("entity "):
            current = Entity(rest.split()[0])
            entities.append(current)
        elif line[:1].strip():  # a table and the rest
            current = None
        elif isinstance(current, list) and line.startswith("  ") and "cpp=" in line:
            current.append(key)
        elif not isinstance(current, Entity):
            continue
        elif line.startswith("  field "):
            name, kind, *words = rest.split()
            origin = next(word[7:] for word in words if word.startswith("origin="))
            current.fields.append(Field(name.rstrip(":"), kind, origin, set(words)))
        elif line.startswith("    limits "):
            current.fields[-1].limits = limits_of(rest)
        elif line.startswith("    filter "):
            current.fields[-1].filters = words_of(rest)
        elif line.startswith("  id "):
            current.path = re.search(r"path=(\S+)/\{id\}", rest)[1]
        elif line.startswith("  keep"):
            current.keep = rest
        elif line.startswith("  unique index "):
            _, _, columns = rest.partition("[")
            columns, _, condition = columns.partition("]")
            current.uniques.append((columns.split(", "), condition.strip()))
        elif line.startswith("  list "):
            current.lists = {name: words_of(words) for name, words in re.findall(r"(\w+)=(\[[^\]]*\])", rest)}
        elif line.startswith("  relation "):
            name, kind, target, *more = rest.split()
            current.relations.append((kind, name.rstrip(":"), target, more))
    for entity in entities:
        for field in entity.fields:
            if field.type.startswith("enum:"):
                field.values = enums[field.type[5:]]
    return entities


def read(kitgen, project):
    dump = subprocess.run([kitgen, "generate", "--project", project, "--dump-model"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return parse(dump)

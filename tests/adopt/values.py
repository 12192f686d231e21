# SPDX-License-Identifier: Apache-2.0
"""Values for the fields of any schema: good ones, the ones just on a limit, and the ones just past it."""
import base64
import decimal
import uuid

INT = {"int32": (-2**31, 2**31 - 1), "int64": (-2**63, 2**63 - 1)}


def digits(field):
    """Precision and scale of decimal(p,s)."""
    precision, scale = field.type[8:-1].split(",")
    return int(precision), int(scale)


def decimal_text(field, value):
    return f"{value:.{digits(field)[1]}f}"


def bounds(field):
    """The smallest and greatest value of a number."""
    low, high = field.limits.get("min"), field.limits.get("max")
    if field.type in INT:
        least, most = INT[field.type]
        return int(low) if low else least, int(high) if high else most
    precision, scale = digits(field)
    most = (decimal.Decimal(10) ** precision - 1).scaleb(-scale)
    return decimal.Decimal(low) if low else -most, decimal.Decimal(high) if high else most


def text(field, number):
    """A text that differs for each number, within the limits of length and, where known, the pattern."""
    most = int(field.limits.get("max_length", 40))
    least = int(field.limits.get("min_length", 0))
    if field.type == "email":
        return f"u{number}@e.io"[:most]
    if field.type == "url":
        return f"http://e.io/{number}"
    letters = ""
    while number or not letters:
        number, rest = divmod(number, 36)
        letters = "abcdefghijklmnopqrstuvwxyz0123456789"[rest] + letters
    return letters[-most:].rjust(least, "x")


def good(field, number):
    """A value that is taken, and another one for another number where the type has so many."""
    if field.values:
        return field.values[number % len(field.values)]
    kind = field.type
    if kind in INT:
        low, high = bounds(field)
        start = max(low, 0) if high >= 0 else low
        return start + number % (min(high, start + 1_000_000) - start + 1)
    if kind.startswith("decimal("):
        low, high = bounds(field)
        step = decimal.Decimal(1).scaleb(-digits(field)[1])
        value = max(low, decimal.Decimal(0)) + step * (number % 90)
        return decimal_text(field, min(value, high))
    simple = {
        "bool": number % 2 == 0,
        "float": number % 1000 + 0.5,
        "double": number % 1000 + 0.25,
        "date": f"20{number % 90 + 10}-02-{number % 28 + 1:02}",
        "time": f"{number % 24:02}:{number % 60:02}:07",
        "timestamp": f"20{number % 90 + 10}-03-{number % 28 + 1:02}T{number % 24:02}:30:00.000000Z",
        "duration": f"{number % 1000}.5s",
        "uuid": str(uuid.UUID(int=number + (4 << 76) + (8 << 60))),
        "json": {"n": number, "list": [1, None, "é"]},
        "bytes": base64.b64encode(str(number).encode()[-int(field.limits.get("max_length", 40)):]).decode(),
    }
    return simple[kind] if kind in simple else text(field, number)


def on_the_limit(field):
    """Values that are just allowed."""
    kind = field.type
    if kind in INT or kind.startswith("decimal("):
        shown = (lambda value: value) if kind in INT else (lambda value: decimal_text(field, value))
        return [shown(value) for value in bounds(field)]
    if kind in ("string", "text") and "pattern" not in field.limits:
        most, least = int(field.limits["max_length"]), int(field.limits.get("min_length", 0))
        return ["é" * min(most, 2000), "a" * least] if most <= 2000 or field.type == "text" else ["a" * least]
    return list(field.values)


def past_the_limit(field):
    """(value, what is wrong) of values that are refused with 400."""
    kind, refused = field.type, []
    if kind in INT:
        low, high = bounds(field)
        refused = [(low - 1, "too small"), (high + 1, "too great"), (1.5, "no whole number"), ("1", "a text")]
    elif kind.startswith("decimal("):
        low, high = bounds(field)
        step = decimal.Decimal(1).scaleb(-digits(field)[1])
        refused = [(decimal_text(field, low - step), "too small"), (decimal_text(field, high + step), "too great"),
                   (decimal_text(field, high) + ("5" if digits(field)[1] else ".5"), "too many places"), ("1e2", "an exponent"), ("", "empty")]
    elif kind in ("string", "text", "email", "url"):
        most, least = int(field.limits["max_length"]), int(field.limits.get("min_length", 0))
        if most <= 20_000:
            refused.append(("a" * (most + 1), "too long"))
        if least:
            refused.append(("a" * (least - 1), "too short"))
        refused.append((17, "a number"))
    elif field.values:
        refused = [("no_such_value", "unknown"), (1, "a number")]
    elif kind == "bytes":
        refused = [("!", "no base64"), (5, "a number")]
        most = int(field.limits.get("max_length", 10**6))
        if most <= 20_000:
            refused.append((base64.b64encode(b"x" * (most + 1)).decode(), "too long"))
    else:
        wrong = {"bool": ["yes", 1], "float": ["1", True], "double": ["1", True], "date": ["2021-02-30", 5],
                 "time": ["25:00:00", 5], "timestamp": ["2021-02-30T00:00:00Z", "2021-01-01"], "duration": ["long", 5],
                 "uuid": ["0123", 5], "json": []}
        refused = [(value, "no " + kind) for value in wrong.get(kind, ["x", -1])]
    if not field.optional:
        refused.append((None, "null"))
    return refused

# SPDX-License-Identifier: Apache-2.0
"""Clients that write artists, each write with an Idempotency-Key that it is repeated with until it is answered."""
import http.client
import json
import threading
import time
import uuid

LATER = {409, 425, 429, 500, 503, 504}  # begun by a process that was killed, or not now


class Failure(Exception):
    pass


class Writer:
    """One client, which outlives the servers it writes to."""

    def __init__(self, name):
        self.name = name
        self.number = 0
        self.pending = None  # a key and a name, not answered yet
        self.acknowledged = {}
        self.repeated = 0
        self.failure = None

    def begin(self):
        if self.pending is None:
            self.number += 1
            self.pending = (str(uuid.uuid4()), f"{self.name}-{self.number}")
        else:
            self.repeated += 1
        return self.pending

    def write(self, connection):
        """One try. False: not now."""
        key, name = self.begin()
        connection.request("POST", "/api/v1/artists", json.dumps({"name": name}),
                           {"Content-Type": "application/json", "Idempotency-Key": key})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 201:
            self.acknowledged[int(json.loads(text)["id"])] = name
            self.pending = None
            return True
        if answer.status not in LATER:
            raise Failure(f"POST /api/v1/artists: {answer.status} {text[:300]!r}")
        return False

    def run(self, port, stop, only_pending=False):
        """Until the server is gone, `stop` is set, or nothing is pending."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            while not stop.is_set() and not (only_pending and self.pending is None):
                if not self.write(connection):
                    time.sleep(0.02)
        except (OSError, http.client.HTTPException):
            pass
        except Exception as failure:
            self.failure = failure
        finally:
            connection.close()


class Load:
    """Eight writers at once."""

    def __init__(self, run, count=8):
        self.writers = [Writer(f"{run}-{i}") for i in range(count)]

    def start(self, port, only_pending=False):
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=writer.run, args=(port, self.stop, only_pending)) for writer in self.writers]
        for thread in self.threads:
            thread.start()

    def join(self):
        """When the server is gone, or nothing is pending."""
        for thread in self.threads:
            thread.join()
        for writer in self.writers:
            if writer.failure is not None:
                raise writer.failure

    def acknowledged(self):
        # Copies, for the writers may go on meanwhile.
        return {key: name for writer in self.writers for key, name in dict(writer.acknowledged).items()}

    def counts(self):
        return sum(len(writer.acknowledged) for writer in self.writers), sum(writer.repeated for writer in self.writers)

    def finish(self, port, limit=60.0):
        """Every write that was begun is answered now."""
        self.start(port, only_pending=True)
        end = time.monotonic() + limit
        for thread in self.threads:
            thread.join(max(0.0, end - time.monotonic()))
        self.stop.set()
        self.join()
        open_ones = [writer.pending for writer in self.writers if writer.pending is not None]
        if open_ones:
            raise Failure(f"{len(open_ones)} writes are not answered {limit} s after the last kill, {open_ones[0]} first")


def check_rows(stored, acknowledged, when):
    """`stored`: the database's rows, id and name each."""
    by_id = dict(stored)
    lost = [key for key, name in acknowledged.items() if by_id.get(key) != name]
    if lost:
        raise Failure(f"{when}: {len(lost)} acknowledged writes are missing, id {lost[0]} first")
    names = [name for _, name in stored]
    if len(set(names)) != len(names):
        raise Failure(f"{when}: {len(names) - len(set(names))} writes are there twice")

# SPDX-License-Identifier: Apache-2.0
"""The full bundle before the bare route: against raw epoll, nginx and a Go server with the same chain (peer_chain/main.go),
and what each part of it costs.

Every request has the same token (HS256), which kit remembers and the peer verifies anew: that is what each does."""
import secrets
import statistics
import time

import scenarios
from servers import Server, build_go, free_port, hs256_token

PARTS = ("tokens", "limits", "breaker", "shedding", "tracing", "metrics", "log")


def token_field(secret):
    now = int(time.time())
    claims = {"sub": "user-42", "iat": now, "exp": now + 24 * 3600, "iss": "https://id.example.com", "jti": secrets.token_hex(8)}
    return "Authorization: Bearer " + hs256_token(secret, claims)


def peer_chain(program, secret):
    port = free_port()
    return Server("Go chain", ["env", "GOMAXPROCS=1", "GIN_MODE=release", program, str(port), secret], port, "/ready")


def ratios(programs, rounds, seconds, say):
    """Figures: bundle_to_raw, bundle_to_nginx, bundle_to_peer; medians of rounds, each server between two runs of raw epoll."""
    secret = secrets.token_hex(32)
    field = token_field(secret)
    peer_program = build_go(programs.scratch, "peer_chain")
    runs = {"full bundle": [], "nginx": [], "Go chain": []}
    with programs.raw() as raw, programs.nginx() as nginx, programs.bundle(PARTS, secret) as bundle, \
            peer_chain(peer_program, secret) as peer:
        servers = [bundle, nginx, peer]
        for server in [raw] + servers:
            server.wait_ready()
            server.path = "/"
            scenarios.load(programs, server, 0.3, field=field)
        for number in range(rounds):
            left = scenarios.load(programs, raw, seconds, field=field)
            line = {}
            for server in servers if number % 2 == 0 else servers[::-1]:
                before = scenarios.ticks(server)
                run = scenarios.load(programs, server, seconds, field=field)
                run["cpu_us"] = (scenarios.ticks(server) - before) / max(1, run["requests"]) * 1e6
                right = scenarios.load(programs, raw, seconds, field=field)
                run["ratio"] = line[server.name] = run["rps"] / ((left["rps"] + right["rps"]) / 2)
                runs[server.name].append(run)
                left = right
            say(f"  round {number + 1}/{rounds}: " + ", ".join(f"{name} {ratio:.3f}" for name, ratio in line.items()))
    median = {name: {key: statistics.median(run[key] for run in of) for key in of[0]} for name, of in runs.items()}
    for name, row in median.items():
        say(f"  {name:12}{row['rps']:10.0f}/s, {row['ratio']:.2f} of raw, {row['cpu_us']:.2f} us of CPU, p99 {row['p99_us']:.0f} us")
    return {"bundle_to_raw": median["full bundle"]["ratio"],
            "bundle_to_nginx": statistics.median(a["ratio"] / b["ratio"] for a, b in zip(runs["full bundle"], runs["nginx"])),
            "bundle_to_peer": statistics.median(a["ratio"] / b["ratio"] for a, b in zip(runs["full bundle"], runs["Go chain"]))}


def costs(programs, count, say):
    """Instructions a request of the whole and of each part: the whole without it, and it alone before the bare route."""
    secret = secrets.token_hex(32)
    field = token_field(secret)

    def instructions(parts):
        return scenarios.instructions(programs, lambda wrapper: programs.bundle(parts, secret, wrapper), count, "/", field)

    bare, whole = instructions(()), instructions(PARTS)
    say(f"instructions a request with a token: bare route {bare:.0f}, full bundle {whole:.0f}; of it:")
    for part in PARTS:
        say(f"  {part:10}{whole - instructions(tuple(other for other in PARTS if other != part)):8.0f}")
    return {"full_bundle_instructions": whole}


def times(programs, rounds, seconds, say):
    """Nanoseconds of CPU a request that each part costs: the whole beside the whole without it, in turns."""
    secret = secrets.token_hex(32)
    field = token_field(secret)
    say("nanoseconds of CPU a request, the whole beside the whole without the part:")
    for part in PARTS:
        rest = tuple(other for other in PARTS if other != part)
        differences = []
        with programs.bundle(PARTS, secret) as whole, programs.bundle(rest, secret) as without:
            for server in (whole, without):
                server.wait_ready()
                server.path = "/"
                scenarios.load(programs, server, 0.3, field=field)
            for number in range(rounds):
                spent = {}
                for server in (whole, without) if number % 2 == 0 else (without, whole):
                    before = scenarios.ticks(server)
                    run = scenarios.load(programs, server, seconds, field=field)
                    spent[server] = (scenarios.ticks(server) - before) / max(1, run["requests"]) * 1e9
                differences.append(spent[whole] - spent[without])
        say(f"  {part:10}{statistics.median(differences):8.0f} ({min(differences):.0f} to {max(differences):.0f})")

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/.." || exit 1
cat <<'TEXT'
Examples
  make run                         serve the music store at http://127.0.0.1:8080/
  make test                        build everything, run every test and check
  make test CXX=g++                the same with g++
  make fuzz SECONDS=600 TARGET=json_reader_fuzz
  make durability CYCLES=50 SEED=7
  make simulate SEEDS=100000       more random days of the server; each can be lived through again
  make conformance SEED=2          other mutated requests
  make fresh FRESH_ONLY=run        prove `make run` on a bare Debian 12

Verbs
TEXT
sed -nE 's/^([a-z-]+): *## (.*)$/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-22s %s\n", $1, $2}'
cat <<'TEXT'

Variables
  JOBS=2      parallel compilers (default: number of processors)
  PORT=8080   where `make run` listens
TEXT

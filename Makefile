# SPDX-License-Identifier: Apache-2.0
# The verbs a newcomer types. Everything behind them is in tools/ and CMake; every verb installs what it needs.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# `make test CXX=g++`. Without that the presets name the compiler; make's built-in default must not.
COMPILER := $(if $(filter default,$(origin CXX)),clang,$(if $(findstring g++,$(subst clang++,,$(CXX))),gcc,clang))
unexport CXX CC
# bash has a SECONDS of its own.
SECONDS ?= 600
unexport SECONDS

help:  ## this text
	@tools/help.sh
run:  ## build the music store and serve it at http://127.0.0.1:8080/
	@exec tools/run.sh
test:  ## build everything, run every test and check
	@COMPILER=$(COMPILER) exec tools/test.sh
sanitize:  ## all tests under ASan+UBSan, then under TSan
	@exec tools/sanitize.sh
fuzz:  ## run each fuzzer for SECONDS (600), keep what it learnt
	@SECONDS_EACH=$(SECONDS) TARGET='$(TARGET)' exec tools/fuzz.sh
bench:  ## compare with a raw epoll loop, nginx and a Go server on PostgreSQL on this machine
	@exec tools/measure.sh bench
bench-check:  ## the budgets only
	@exec tools/measure.sh bench --check
durability:  ## kill -9 and power-loss cycles
	@exec tools/measure.sh durability
conformance:  ## HTTP cases from the RFCs, mutated requests against nginx and Node.js
	@exec tools/harness.sh conformance
simulate:  ## SEEDS (10000) random days of a server in memory, each from its seed
	@SEEDS=$${SEEDS:-10000} exec tools/harness.sh simulate
evolution:  ## CASES (2000; 500 on servers) random changes of random schemas with rows in them: up, down, up again, on three databases
	@CASES=$${CASES:-2000} exec tools/harness.sh evolution
four-edits:  ## the four edits that other generators lose, with 100 000 rows
	@exec tools/harness.sh four-edits
databases:  ## the same tests on SQLite, PostgreSQL and MariaDB, with servers of their own
	@exec tools/databases.sh
siege:  ## honest clients under load, slowloris and garbage
	@exec tools/harness.sh siege
attacks:  ## forged tokens, the vectors of project Wycheproof, and secrets that must show nowhere
	@exec tools/harness.sh attacks
overload:  ## three times what a server can do; an upstream that is gone, or busy, for a minute
	@exec tools/harness.sh overload
chaos:  ## a bad network before PostgreSQL, MariaDB and Redis
	@exec tools/harness.sh chaos
failover:  ## a PostgreSQL primary goes under load, its standby takes over; a master of a Redis cluster too
	@exec tools/harness.sh failover
correlate:  ## from a slow bucket at a real Prometheus to its trace at a collector to its log lines
	@exec tools/harness.sh correlate
inner-loop:  ## from a changed schema to its running server; 100 entities, built from nothing
	@exec tools/harness.sh inner-loop
reload:  ## limits, levels, sampler and breakers of a store change under load, and a thousand reloads
	@exec tools/harness.sh reload
rolling:  ## restarts behind nginx under load, no failed request
	@exec tools/harness.sh rolling
crash-generate:  ## kitgen generate, new and migrate, killed at POINTS (200) places each
	@exec tools/harness.sh crash-generate
crash-migrate:  ## migrations of three databases, killed at each of their calls
	@exec tools/harness.sh crash-migrate
fresh:  ## run and test inside a minimal Debian 12
	@exec tools/fresh.sh
lint:  ## clang-tidy, coroutine lint, header cost
	@exec tools/lint.sh
fmt:  ## format every source file
	@exec tools/format.sh --fix
package:  ## build/package/kit-dev_*.deb
	@exec tools/package.sh
clean:  ## remove build/
	@exec tools/clean.sh

.PHONY: help run test sanitize fuzz bench bench-check durability conformance simulate evolution four-edits crash-generate siege attacks overload chaos failover correlate inner-loop reload rolling fresh lint fmt package clean databases crash-migrate

# SPDX-License-Identifier: Apache-2.0
#
# The one door. `make run` and `make test` install what they need themselves.

SHELL := /bin/bash
CHECK := --explicit-target-dependency-import-check error
RELEASE := -c release --static-swift-stdlib --scratch-path .build-release $(CHECK) -Xlinker -s
BINARY := .build-release/release/edgewatch
# They keep all cores busy for minutes; beside them a test that waits for a socket waits too long.
BUSY := ^(TSDBTests|PromQLTests)[.]

.DEFAULT_GOAL := help
.PHONY: help run build release test unit simulate allocations integration lint format bench fuzz package clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: release ## build and start edgewatch on this machine: http://127.0.0.1:9090
	@exec $(BINARY) run $(ARGS)

build: ## debug build
	@scripts/bootstrap build
	swift build $(CHECK)

release: ## optimised binary in .build-release/release
	@scripts/bootstrap build
	swift build $(RELEASE) --product edgewatch

test: ## everything CI runs: lint, unit, integration
	@scripts/bootstrap test
	@$(MAKE) --no-print-directory lint unit integration

unit: ## Swift tests; FILTER=name runs some
	@scripts/bootstrap test
	swift build --build-tests $(CHECK)
	$(if $(FILTER),,swift test --skip-build --skip '$(BUSY)')
	swift test --skip-build --filter '$(or $(FILTER),$(BUSY))'

simulate: ## the store and shipping through SEEDS=10000 seeded runs and every place of damage, optimised; SEED=n repeats one
	@scripts/bootstrap test
	swift build -c release --build-tests --scratch-path .build-simulate -Xswiftc -enable-testing $(CHECK)
	EDGEWATCH_SIMULATION_SEEDS=$(or $(SEEDS),10000) EDGEWATCH_SIMULATION_SEED=$(SEED) EDGEWATCH_SYNC_SEEDS=$(or $(SEEDS),10000) \
	    swift test -c release --skip-build --scratch-path .build-simulate -Xswiftc -enable-testing \
	    --filter '$(if $(SEED),everythingAtOnce,Simulation|EveryOperation|BadInput)'

allocations: ## what must not allocate, counted in an optimised build
	@scripts/bootstrap test
	swift build -c release --build-tests --scratch-path .build-simulate -Xswiftc -enable-testing $(CHECK)
	swift test -c release --skip-build --scratch-path .build-simulate -Xswiftc -enable-testing --filter Allocation

integration: ## the real binary beside real peers
	@scripts/bootstrap test
	swift build $(CHECK)
	.venv/bin/python3 -m pytest Tests/Integration -q $(if $(FILTER),-k $(FILTER))

lint: ## formatting, and the rules the formatter cannot see
	@scripts/lint

format: ## rewrite sources in the house style
	swift format -i -r Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources

bench: release ## what docs/PERFORMANCE.md has; ARGS='codec store' runs some parts
	@scripts/bench $(ARGS)

fuzz: ## libFuzzer on every decoder, FUZZ_SECONDS=60 each; TARGETS=names runs some
	@scripts/fuzz $(or $(FUZZ_SECONDS),60) $(TARGETS)

package: release ## dist/*.deb
	@scripts/package $(BINARY)

clean: ## remove what the build wrote
	rm -rf .build .build-release .build-simulate dist

# The commands of the project. Each needs Go alone, but for what it says.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
GO ?= go
TOOLS := .cache/tools
SDK := test/sdk
FAULTS := test/faults
BROWSER := test/browser

# The race detector needs a C compiler; without one the tests run without it.
ifneq ($(shell command -v gcc || command -v clang || command -v cc),)
RACE := -race
endif

.PHONY: help run build test check fmt bench peers dataplane documents proof clean sdk-node sdk-python

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

run: build ## build and run the service on 127.0.0.1:8080
	@./bin/fairlead serve

build: ## build bin/fairlead: static, reproducible
	@CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags='-s -w -buildid=' -o bin/fairlead ./cmd/fairlead

test: build sdk-node sdk-python ## run all tests; installs the SDKs that they use
	@$(if $(RACE),true,echo "left out: no C compiler, so the tests run without the race detector (apt install gcc)")
	$(GO) test $(RACE) -count=1 ./...
	@# Limits of processes mean little under the race detector, which needs so much itself.
	$(GO) test -count=1 ./internal/extract/worker
	FAIRLEAD_PROOF=1 $(GO) test -run Proof -count=1 ./internal/fairqueue
	$(GO) test -tags interleave -run 'Interleavings|NoAllocations' -count=1 ./internal/fairqueue
	cd bench && $(GO) test -count=1 ./...
	cd $(SDK) && FAIRLEAD_BIN=$(CURDIR)/bin/fairlead $(GO) test -count=1 ./...
	cd $(FAULTS) && FAIRLEAD_BIN=$(CURDIR)/bin/fairlead $(GO) test -count=1 ./...
	@command -v chromium >/dev/null || echo "left out: no chromium, so the chat page is not tested in a browser (apt install chromium)"
	cd $(BROWSER) && FAIRLEAD_BIN=$(CURDIR)/bin/fairlead $(GO) test -count=1 ./...

# The SDKs are installed once for each version of their lock files.
sdk-node:
	@if ! command -v npm >/dev/null; then echo "left out: no node, so the JavaScript SDKs are not tested (apt install nodejs npm)"; \
	elif ! cmp -s $(SDK)/node/package-lock.json $(SDK)/node/node_modules/.installed; then \
		(cd $(SDK)/node && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error) && cp $(SDK)/node/package-lock.json $(SDK)/node/node_modules/.installed; fi

sdk-python:
	@if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then echo "left out: no python3 with venv, so the Python SDK is not tested (apt install python3-venv)"; \
	elif ! cmp -s $(SDK)/python/requirements.txt $(SDK)/python/.venv/.installed; then \
		python3 -m venv $(SDK)/python/.venv && $(SDK)/python/.venv/bin/pip install --quiet --disable-pip-version-check -r $(SDK)/python/requirements.txt \
		&& cp $(SDK)/python/requirements.txt $(SDK)/python/.venv/.installed; fi

check: $(TOOLS)/golangci-lint ## format, vet, lint and the shape of the house
	@out=$$($(TOOLS)/golangci-lint fmt --diff 2>&1) || { echo "$$out"; echo "run: make fmt"; exit 1; }
	$(GO) vet ./...
	$(TOOLS)/golangci-lint run ./...
	cd $(SDK) && ../../$(TOOLS)/golangci-lint run -c ../../.golangci.yml ./...
	cd $(FAULTS) && ../../$(TOOLS)/golangci-lint run -c ../../.golangci.yml ./...
	cd $(BROWSER) && ../../$(TOOLS)/golangci-lint run -c ../../.golangci.yml ./...
	cd bench && ../$(TOOLS)/golangci-lint run -c ../.golangci.yml ./...
	$(GO) test -count=1 ./internal/archtest
	@$(GO) mod verify >/dev/null && $(GO) mod tidy -diff

fmt: $(TOOLS)/golangci-lint ## format the code
	$(TOOLS)/golangci-lint fmt

$(TOOLS)/%: tools/go.mod tools/go.sum
	@mkdir -p $(TOOLS)
	cd tools && $(GO) build -o ../$(TOOLS)/ github.com/golangci/golangci-lint/v2/cmd/golangci-lint golang.org/x/perf/cmd/benchstat
	@touch $(TOOLS)/golangci-lint $(TOOLS)/benchstat

bench: $(TOOLS)/benchstat ## run the benchmarks, 6 times each, and print their medians
	@$(GO) test -run='^$$' -bench=. -benchmem -count=6 ./... | tee .cache/bench.txt
	@$(TOOLS)/benchstat .cache/bench.txt

peers: $(TOOLS)/benchstat ## run the slots and windows beside others' in one run, and print the goals
	@mkdir -p .cache && cd bench && for i in 1 2 3 4 5 6; do $(GO) test -run='^$$' -bench=. -benchtime=0.3s -cpu=1,2 . || exit 1; done | tee ../.cache/peers.txt
	@cd bench && $(GO) run ./cmd/ratios ../.cache/peers.txt

# Which runs, and how many: make dataplane DATAPLANE='-scenarios json-small,sse -rounds 1'
dataplane: build ## measure what a call costs beside one through nginx: a quarter of an hour; needs nginx
	@mkdir -p .cache && cd bench && $(GO) run ./cmd/dataplane -fairlead $(CURDIR)/bin/fairlead $(DATAPLANE) | tee ../.cache/dataplane.md

# Which parts, and how much: make documents DOCUMENTS='-parts search,quotes -chunks 30000'
documents: build ## measure how documents are taken in and searched, and what others feel of it: some minutes
	@mkdir -p .cache && cd bench && $(GO) run ./cmd/documents -fairlead $(CURDIR)/bin/fairlead $(DOCUMENTS) | tee ../.cache/documents.md

proof: build sdk-node sdk-python ## run the full counts of the tests, and build twice: minutes, not seconds
	FAIRLEAD_PROOF=1 $(GO) test $(RACE) -count=1 -timeout=60m -run 'Proof' -skip 'ProofTimed' -v ./internal/fairqueue ./internal/server
	@# Figures of time mean nothing under the race detector.
	FAIRLEAD_PROOF=1 $(GO) test -count=1 -timeout=60m -run 'ProofTimed' -v ./internal/server
	@# So does memory.
	FAIRLEAD_PROOF=1 $(GO) test -count=1 -timeout=10m -run 'ProofIdle' -v ./internal/socket ./internal/api/ws
	@# Documents that harm, and services that are killed; without the race detector, under which a child's memory and time are others.
	FAIRLEAD_PROOF=1 $(GO) test -count=1 -timeout=60m -run 'Proof' -v ./internal/extract/pdf ./internal/extract/worker ./internal/storage/documents
	FAIRLEAD_PROOF=1 FAIRLEAD_BIN=$(CURDIR)/bin/fairlead $(GO) test -count=1 -timeout=60m -run 'Proof' -v ./test/documents
	@# Two instances behind nginx, restarted under load; left out without nginx.
	FAIRLEAD_PROOF=1 FAIRLEAD_BIN=$(CURDIR)/bin/fairlead $(GO) test -count=1 -timeout=10m -run 'RollingRestart' -v ./test/deploy
	@# Answers cut at every byte.
	FAIRLEAD_PROOF=1 $(GO) test $(RACE) -count=1 -timeout=60m -run 'AnswersPassByteForByte' -v ./internal/server
	cd $(SDK) && FAIRLEAD_PROOF=1 FAIRLEAD_BIN=$(CURDIR)/bin/fairlead $(GO) test -count=1 -timeout=60m -run 'Streams' ./...
	cd $(FAULTS) && FAIRLEAD_PROOF=1 FAIRLEAD_BIN=$(CURDIR)/bin/fairlead $(GO) test -count=1 -timeout=10m -v ./...
	cd $(SDK)/codex && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	cd $(SDK) && FAIRLEAD_BIN=$(CURDIR)/bin/fairlead unshare -rn sh -c 'ip link set lo up && $(GO) test -count=1 -run Codex -v ./...'
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && for copy in one another/place; do \
		mkdir -p $$dir/$$copy && git archive HEAD | tar -x -C $$dir/$$copy && $(MAKE) --no-print-directory -C $$dir/$$copy build || exit 1; done && \
		cmp $$dir/one/bin/fairlead $$dir/another/place/bin/fairlead && echo "two builds from two folders are the same, byte for byte"

clean: ## remove what was built
	rm -rf bin .cache

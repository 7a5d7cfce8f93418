# Needs Go, git and make. As root on Debian, `make test` installs the rest; otherwise it says what it skips.
SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help

# Packages in the order of what they cost: without Caddy first, then what has to compile or drive it.
MODULE := $(shell go list -m)
ALL    := $(shell go list ./...)
SLOW   := $(filter $(MODULE) $(MODULE)/caddymodule% $(MODULE)/cmd/% $(MODULE)/internal/bench/% $(MODULE)/e2e%,$(ALL))
CORE   := $(filter-out $(SLOW),$(ALL))

FUZZTIME ?= 10s
TOOL     := go tool -modfile=tools/go.mod

.PHONY: help
help: ## list what there is to make
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: test
test: deps lint xcaddy ## everything that a change has to pass; with CI=true a skipped test is a failure
	@command -v "$$(go env CC)" >/dev/null || { echo "No C compiler: no race detector."; test -z "$$CI"; }
	go run ./internal/testreport $$(command -v "$$(go env CC)" >/dev/null && echo -race) -shuffle=on -timeout=20m -- $(CORE) -- $(SLOW)
	cd e2e/sdkgo && go vet ./... && go test -count=1 ./...

.PHONY: quick
quick: ## the tests that need neither Caddy nor a browser
	go test -shuffle=on $(CORE)

.PHONY: deps
deps: ## install what the browser tests need, as far as this user may
	@./internal/deps.sh

.PHONY: lint
lint: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "gofmt wants to change:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	$(TOOL) staticcheck ./...

.PHONY: xcaddy
xcaddy: ## a Caddy built by xcaddy from this checkout lists the handler
	./tools/xcaddy-build.sh

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME (10s)
	@for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' $$dir/*_test.go); do \
			echo "$$dir $$target"; go test -run='^$$' -fuzz="^$$target$$" -fuzztime=$(FUZZTIME) $$dir || exit 1; \
		done; \
	done

.PHONY: bench
bench: ## CPU per request with and without the gate, and the benchmarks of Gate.Handle
	go test -run='^$$' -bench=. -benchmem ./gateway/...
	go run ./internal/bench/hotpath

.PHONY: soak
soak: ## ten thousand waiting browsers on one process; SOAK=-http2 for browsers on TLS
	go run ./internal/bench/soak $(SOAK)

.PHONY: replicas
replicas: ## a thousand sign-ins on three replicas while Redis starts again, and once more with a replica killed
	go test -count=1 -v -timeout=5m -run=TestCrowd ./e2e/replicas -crowd=1000

.PHONY: demo
demo: ## a simulated Okta, Caddy with the gate and a legacy app, on this machine
	go run ./cmd/demo

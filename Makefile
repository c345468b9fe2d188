# make run, make test: see README.md. The rest is for those who work on Roost.
SHELL := /bin/bash
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
UI      := web/dist/index.html
VM      := micropython/dist/micropython.wasm
TAGS    := ui,vm
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULN   := golang.org/x/vuln/cmd/govulncheck@v1.9.0
# the newest that Go 1.26 builds
GORELEASER := github.com/goreleaser/goreleaser/v2@v2.14.0
FUZZTIME ?= 20s

.PHONY: run build test lint fuzz bench docs ui vm peers release-check clean

run: build ## build Roost and start it with a demo fleet
	bin/roost demo

build: $(UI) $(VM) ## bin/roost with the user interface and MicroPython in it
	go build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o bin/roost ./cmd/roost

ui: $(UI)

$(UI): ui/package-lock.json ui/index.html ui/vite.config.ts $(shell find ui/src ui/public ui/websetup -type f 2>/dev/null)
	cd ui && npm ci --no-audit --no-fund --loglevel=error && npm run build
	@touch $@

vm: $(VM)

$(VM): micropython/npm/package-lock.json
	cd micropython/npm && npm ci --no-audit --no-fund --loglevel=error
	mkdir -p micropython/dist
	cp micropython/npm/node_modules/@pybricks/mpy-cross-v6/build/mpy-cross-v6.wasm micropython/dist/mpy-cross.wasm
	cp micropython/npm/node_modules/@micropython/micropython-webassembly-pyscript/micropython.wasm $@
	@touch $@

peers: ## the programs of others that tests talk to
	./scripts/peers

test: peers build ## everything: Go with the race detector, the user interface, the browser
	test -z "$$(go tool gofumpt -l . | tee /dev/stderr)"
	go vet ./... && go vet -tags $(TAGS) ./...
	# -p 1: on a small machine packages that talk in real time would starve one another
	ROOST_NEED_PEERS=1 ./scripts/gotest -race -p 1 -shuffle=on -timeout 40m -tags $(TAGS) ./...
	go test ./gateway/mqtt # its raw system calls are built without the race detector only
	cd ui && npm run check && npm test && npm run e2e
	ROOST_BINARY=$(CURDIR)/bin/roost ./scripts/browser

lint: $(UI) $(VM) ## style and known faults; fetches its tools
	test -z "$$(go tool gofumpt -l . | tee /dev/stderr)"
	go run $(GOLANGCI) run
	go run $(GOVULN) ./... || echo "govulncheck: its database was not reached or it found something; see above"
	cd ui && npm run check

fuzz: $(VM) ## every fuzz target for FUZZTIME
	GOFLAGS=-tags=vm ./scripts/fuzz $(FUZZTIME)

bench: build ## the load generator over the wire, then Go benchmarks of the hot paths
	bin/roost bench suite --binary bin/roost
	go test -run '^$$' -bench . -benchmem ./live ./wire/... ./store/... ./gateway/... ./web
	go test -run '^$$' -bench . -benchmem -tags vm ./micropython

docs: build ## the screenshots of README.md and docs/
	ROOST_BINARY=$(CURDIR)/bin/roost SHOTS=$(CURDIR)/docs/images ./scripts/browser shots

release-check: $(UI) $(VM) ## build all archives and packages of a release, publish nothing; fetches its tool
	systemd-analyze verify --man=no deploy/systemd/*.service 2>&1 | grep -v 'not executable' || true
	go run $(GORELEASER) check
	go run $(GORELEASER) release --snapshot --clean

clean:
	rm -rf bin web/dist ui/node_modules micropython/dist micropython/npm/node_modules

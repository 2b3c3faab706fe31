# Two commands matter: `make demo` and `make test`.
GO ?= go
BIN := bin/rotor
LDFLAGS := -s -w

.PHONY: build test demo bench servers lint generate clean

build: ## bin/rotor: one static file
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/rotor

servers: ## PostgreSQL, Prometheus, Docker, Vault and Compose for the tests, where it may
	@bash test/servers.sh

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...

test: servers lint ## everything
	$(GO) test -timeout 40m ./...

demo: ## the main job before your eyes: make demo ARGS=--crash (or --bad, --keep)
	@command -v $(GO) >/dev/null || { echo "Rotor is written in Go: install Go 1.26 (https://go.dev/dl), then run make demo again"; exit 1; }
	@bash test/servers.sh postgres
	@$(MAKE) --no-print-directory build
	@$(BIN) demo $(ARGS)

bench: servers build ## figures against raw loops, into bench/results.json
	$(GO) run ./test/bench

generate: ## reference documents
	$(GO) generate ./...

clean:
	rm -rf bin dist

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

clean:
	rm -rf bin dist

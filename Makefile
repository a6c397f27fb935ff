# Two targets are all a newcomer needs: `make demo` and `make test`.

GO         ?= go
PYTHON     ?= python3
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0
GOTESTSUM   = $(GO) run gotest.tools/gotestsum@v1.13.0
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.PHONY: all build demo test lint vuln venv soak bench generate fmt clean

all: lint test

# The program. The first build compiles the tree-sitter grammar, about 15 s.
build:
	$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o build/bounce ./cmd/bounce

# The main job on an example project, in under 30 s. LIVE=1 stays up for you
# to edit.
demo: build
	@$(GO) run ./cmd/bounce-demo -bounce build/bounce -shop testdata/python/shop $(if $(LIVE),-live)

# Everything the tests need, then the tests.
test: venv
	$(GOTESTSUM) --format pkgname -- -race -timeout 30m $(TESTFLAGS) ./...

# The same tests at full counts; docs/soak.md has the last result.
soak: venv
	BOUNCE_SOAK=1 $(GOTESTSUM) --format pkgname -- -race -count=1 -timeout 3h ./...

# What people run under bounce, and what bounce is compared with.
venv: build/venv/.installed
build/venv/.installed: testdata/python/requirements.txt
	$(PYTHON) -m venv build/venv
	build/venv/bin/pip install --quiet --disable-pip-version-check -r testdata/python/requirements.txt
	touch $@

# cgo stays in treesitter: the rest must build without it, and elsewhere.
NOCGO = ./watcher ./decider ./runner ./internal/control ./internal/git ./internal/pyruntime ./internal/pyruntime/warm ./internal/classifier ./internal/writers ./internal/cgroup ./internal/confine ./internal/shim ./internal/lines ./internal/unixcred ./internal/waitid ./internal/feed ./internal/machine
lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'gofmt would change:'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(STATICCHECK) ./...
	CGO_ENABLED=0 GOOS=darwin $(GO) vet $(NOCGO)
	CGO_ENABLED=0 GOOS=windows $(GO) vet $(NOCGO)

# Needs the vulnerability database, so it is apart from lint.
vuln:
	$(GOVULNCHECK) ./...

# Rewrites generated text: reference, schema, state diagram, goldens.
generate:
	$(GO) test ./configs ./runner ./cmd/bounce -run Generated -update

# bench/graph is apart: it fetches a large package. The others install their
# peers too, and leave out what cannot be had.
bench: build
	$(GO) test -run '^$$' -bench . -benchmem ./watcher ./treesitter ./decider ./runner
	$(GO) run ./bench/latency -bounce build/bounce
	$(GO) run ./bench/reload -bounce build/bounce
	$(GO) run ./bench/observed
	$(GO) run ./bench/watch

fmt:
	gofmt -w $$(git ls-files '*.go')

clean:
	rm -rf build

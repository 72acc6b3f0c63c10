# make alone lists the targets. tools/go.mod pins the development tools; Go builds each when it is first used.
.DEFAULT_GOAL := help
.PHONY: help dev build release test check lint format bench fuzz torture postman secrets swagger-ui clean

TOOL := go tool -modfile=tools/go.mod
FUZZTIME ?= 30s

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dev: ## Serve on 127.0.0.1:8080 and restart whenever the code changes
	$(TOOL) air

build: ## Build the program into ./latchkey, as it is released: static, without cgo and without makemigrations
	CGO_ENABLED=0 go build -trimpath -tags nomsgpack,release -o latchkey .

release: ## Build the release's archives, checksums and lists of modules into dist, for TARGETS or all systems
	deploy/release $(TARGETS)

test: ## Run the tests, with one line per package
	$(TOOL) gotestsum --format pkgname-and-test-fails -- ./...

check: ## Run what CI runs: format, modules, vet, tests, build, smoke, clients, lint
	.ci/run

lint: ## Run the linters, and find unused functions
	$(TOOL) golangci-lint run
	$(TOOL) deadcode -test -tags torture ./...

format: ## Format the code
	gofmt -w .

bench: ## Run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## Run every fuzz test for FUZZTIME (30s)
	@for package in $$(go list ./...); do \
		for test in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			go test -run '^$$' -fuzz "^$$test$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

torture: ## Break what the service stands on, under load: every row of the table of faults, or ROW=F9
	bench/torture/run $(ROW)

postman: ## Generate the Postman collection from api/openapi.yaml
	cd api/postman && npm ci --no-fund --no-audit --loglevel=error && npm run --silent generate

secrets: ## Create the secrets that compose.yaml reads; fails if there are any
	@mkdir -m 700 secrets
	openssl rand -base64 48 > secrets/secret_key
	openssl rand -hex 24 > secrets/postgres_password
	printf 'postgres://latchkey:%s@postgres:5432/latchkey?sslmode=disable' "$$(cat secrets/postgres_password)" \
		> secrets/database_url
	printf none > secrets/smtp_url
	chmod 444 secrets/* # readable by the containers' users; the folder's mode keeps other users out

swagger-ui: ## Replace the embedded Swagger UI with swagger-ui-dist VERSION
	api/docs/refresh $(VERSION)

clean: ## Remove build results
	rm -rf latchkey dist tmp coverage.out

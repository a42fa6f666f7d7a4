# Short names for what can also be typed. CI needs no make: see .ci/run.

PKG   = ./...
BENCH = .
COUNT = 10
BASE  = main
FUZZ  = Fuzz
TIME  = 1m
TOOL  = go tool -modfile=internal/tools/go.mod

.PHONY: help check test test/race lint fix golden verify/golden api verify/api fuzz bench bench/cmp cover sizes

help: ## print this list
	@awk -F ':.*## ' '/^[a-z\/]+:.*## / {printf "%-14s %s\n", $$1, $$2}' Makefile

check: ## everything CI does
	.ci/run

test: ## short tests
	go test -short $(PKG)

test/race: ## short tests in random order under the race detector
	go test -short -race -shuffle=on $(PKG)

lint: ## formatting, go.mod, vet and staticcheck
	.ci/run format tidy vet staticcheck

fix: ## repair what lint finds, as far as tools can
	gofmt -w .
	go fix $(PKG)
	go mod tidy

golden: ## rewrite the golden files of all tests that have some
	go test $$(grep -rl --include='*_test.go' 'Bool("update"' . | xargs -n 1 dirname | sort -u) -update

verify/golden: ## fail if a golden file differs
	go test $$(grep -rl --include='*_test.go' 'Bool("update"' . | xargs -n 1 dirname | sort -u)

api: ## rewrite docs/api
	mkdir -p docs/api
	rm -f docs/api/*.txt
	internal/tools/api docs/api

verify/api: ## fail if docs/api differs
	.ci/run api

fuzz: ## fuzz one target: make fuzz PKG=./internal/wire FUZZ=FuzzParseRequest TIME=1m
	go test -run '^$$' -fuzz '^$(FUZZ)$$' -fuzztime $(TIME) $(PKG)

bench: ## run benchmarks: make bench PKG=./pragma/store/... BENCH=Commit
	go test -run '^$$' -bench '$(BENCH)' -benchmem $(PKG)

bench/cmp: ## compare benchmarks with another revision: make bench/cmp BASE=main PKG=./party
	@tmp=$$(mktemp -d); trap 'git worktree remove --force "$$tmp/base"; rm -rf "$$tmp"' EXIT; \
	git worktree add --detach "$$tmp/base" $(BASE) && \
	(cd "$$tmp/base" && go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) $(PKG)) >"$$tmp/base.txt" && \
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) $(PKG) >"$$tmp/head.txt" && \
	$(TOOL) benchstat "$$tmp/base.txt" "$$tmp/head.txt"

cover: ## statements that the tests of a package reach
	go test -short -cover $(PKG)

sizes: ## figures to talk about in reviews
	@go test -count=1 -v -run '^TestSizes$$' ./internal/archtest

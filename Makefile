# Works with GNU make 3.81 and newer, on Linux and macOS. Everything that is made lands in bin/ and results/.

GO           ?= go
BIN          := bin/raftmark
PKG          ?= ./...
SEEDS        ?= 1000
HOURS        ?= 8
MINUTES      ?= 10
VALUE        ?= 1024
MUTANTS      ?=
ARMS         ?= kept
TIME         ?= 60s
FUZZ         ?=
SCENARIO     ?= standard
ARGS         ?=
REF          ?= main
ROUNDS       ?= 6
BENCHTIME    ?= 200ms
PROPOSERS    ?= 256
DIRS         ?=
WRITE        ?=
DIR          ?= $(shell ls -1d results/*-$(SCENARIO) 2>/dev/null | tail -n 1)
# The rooms that every command passes, each with a benchmark, see docs/performance.md.
HOT          ?= raft raft/progress raft/replica transport/wire storage/pebble kv server/resp loadgen
BENCH        ?= ^Benchmark(CoreReplicate|Pipeline|Propose|EncodeFrame|DecodeFrame|Append|Apply|Reader|Record)$$
BENCHSTAT    := $(GO) run golang.org/x/perf/cmd/benchstat@v0.0.0-20230113213139-801c7ef9e5c5
GOVULNCHECK  := $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0
GOLANGCI     := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# All tests run in a random order, with the race detector and the expensive invariants. The timeout is for one package.
TESTFLAGS    := -race -shuffle=on -tags invariants -timeout 6m

# The commit is stamped into the program wherever git can say it, whatever GOFLAGS says.
BUILDVCS     := $(shell git rev-parse HEAD >/dev/null 2>&1 && echo true || echo false)

# All fuzz targets as FILE:NAME, whatever build tags their files have, in order.
TARGETS       = grep -rH --include='*_test.go' '^func Fuzz' . | sed -n 's/^\(.*\):func \(Fuzz[A-Za-z0-9]*\).*/\1:\2/p' | \
	grep '$(FUZZ)' | sort

# The packages that have sweeps, see storage/sweep.
SWEPT         = $(shell grep -rl --include='*_test.go' 'func TestSweep' . | xargs -n 1 dirname | sort -u)

.DEFAULT_GOAL := help
.PHONY: help build test test-storage test-hostile test-memory vet vuln fmt lint cross tidy check race fuzz sim soak mutants bench bench-smoke bench-core bench-storage bench-transport bench-redis bench-generator build-peers bench-peers test-peers bench-compare profile report golden cover clean

help: ## say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/raftmark
	@mkdir -p bin
	$(GO) build -trimpath -buildvcs=$(BUILDVCS) -o $(BIN) ./cmd/raftmark

test: ## run all tests, with -race and all invariants, and 500 simulated minutes (under 15 minutes on 2 cores)
	$(GO) test $(TESTFLAGS) $(PKG)
	$(GO) test -run 'Allocates' ./raft ./storage/pebble # the race detector allocates too
	$(GO) test -run '^(TestSeeds|TestCrashAtEveryPoint)$$' -timeout 10m ./raft/sim # one goroutine: no race detector
	$(GO) test -run '^TestHundredTrialsRenderInTime$$' ./reports # a bound on time, which the race detector would break
	$(GO) test -run '^TestMemoryOfALeaderWithAStoppedFollower$$' ./bench/cluster # memory, which it would multiply

test-storage: ## crash, fault and corruption sweeps of storage in full (at most 10 minutes on 2 cores), then their table
	@rm -rf results/storage && mkdir -p results/storage
	@status=0; \
	RAFTMARK_STORAGE=long RAFTMARK_STORAGE_ROWS=$(CURDIR)/results/storage RAFTMARK_STORAGE_UNTIL=$$(($$(date +%s) + 600)) \
	$(GO) test -count=1 -p 1 -timeout 11m -run '^TestSweep' $(SWEPT) || status=$$?; \
	{ printf '| sweep | cases | crash clones | faults | outcomes | seconds |\n|---|---|---|---|---|---|\n'; \
	cat results/storage/*.row; } > results/storage.md || status=1; \
	cat results/storage.md; exit $$status

test-hostile: ## hostile peers and clients in full (at most 10 minutes on 2 cores), then their table
	@rm -rf results/hostile && mkdir -p results/hostile
	@status=0; \
	RAFTMARK_HOSTILE=long RAFTMARK_HOSTILE_ROWS=$(CURDIR)/results/hostile \
	$(GO) test -count=1 -p 1 -timeout 4m -run '^TestHostile' ./transport/tcp ./transport/quic ./server ./storage/snapshot || status=$$?; \
	{ printf '| hostile party | over | bound | measured | meanwhile |\n|---|---|---|---|---|\n'; \
	cat results/hostile/*.row; } > results/hostile.md || status=1; \
	cat results/hostile.md; exit $$status

test-memory: ## memory and disk of a leader at full load, a follower stopped for MINUTES=10, writes of VALUE=1024 bytes; results/memory.md
	@mkdir -p results
	RAFTMARK_MEMORY_MINUTES=$(MINUTES) RAFTMARK_MEMORY_VALUE=$(VALUE) RAFTMARK_MEMORY_OUT=$(CURDIR)/results \
	$(GO) test -v -count=1 -timeout 2h -run '^TestMemoryOfALeaderWithAStoppedFollower$$' ./bench/cluster

vuln: ## known vulnerabilities of what is used; says so when their database cannot be reached (GOVULNDB names another)
	@out=$$(mktemp) && status=0; $(GOVULNCHECK) ./... >$$out 2>&1 || status=$$?; cat $$out; \
	if [ $$status -ne 0 ] && grep -q 'fetching vulnerabilities' $$out; then \
		echo 'note: the database of vulnerabilities cannot be reached from here: nothing was checked'; status=0; \
	fi; rm -f $$out; exit $$status

vet: ## go vet
	$(GO) vet -tags invariants ./...

fmt: ## gofmt all files
	gofmt -l -w $$(git ls-files -co --exclude-standard '*.go')

lint: ## golangci-lint, as .golangci.yml says
	$(GOLANGCI) run ./...

cross: ## vet for the other operating systems, which are not tested here
	GOOS=linux GOARCH=arm64 $(GO) build ./...
	GOOS=darwin GOARCH=arm64 $(GO) vet ./...

tidy: ## check that go.mod and go.sum are tidy
	$(GO) mod tidy -diff

check: vet lint cross tidy test ## everything that has to hold before a commit

race: ## the tests of the concurrent packages three times over, to look for races
	$(GO) test $(TESTFLAGS) -count=3 ./raft/replica/... ./transport/... ./storage/... ./kv/... ./server/... ./loadgen/...

fuzz: ## run each fuzz target for TIME=60s, FUZZ=Decode for those with that name; results/fuzz.md says how often
	@mkdir -p results; status=0; \
	printf '| package | target | executions | found | seconds |\n|---|---|---|---|---|\n' > results/fuzz.md; \
	for at in $$($(TARGETS)); do \
		file=$${at%:*}; name=$${at#*:}; begin=$$(date +%s); found=nothing; \
		tags=$$(sed -n 's,^//go:build ,,p' "$$file" | sed 's/![a-z0-9_]*//g' | tr -cs 'a-z0-9_\n' ','); \
		$(GO) test -tags "invariants,$$tags" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(TIME) -fuzzminimizetime 20x \
			"$$(dirname "$$file")" > results/fuzz.log 2>&1 || { status=1; found='**a failure**'; cat results/fuzz.log; }; \
		execs=$$(sed -n 's/.*execs: \([0-9]*\).*/\1/p' results/fuzz.log | tail -n 1); \
		printf '| %s | %s | %s | %s | %s |\n' "$$(dirname "$$file")" "$$name" "$${execs:-0}" "$$found" \
			$$(($$(date +%s) - begin)) | tee -a results/fuzz.md; \
	done; exit $$status

sim: build ## simulate SEEDS=1000 clusters of a minute each; a failing seed prints what repeats it
	$(BIN) sim --seeds $(SEEDS) $(ARGS)

soak: build ## the same for HOURS=8, with seeds that no other soak has had
	$(BIN) sim --from $$(date +%s)000 --seeds 1000000000 --for $(HOURS)h --out results/soak $(ARGS)

mutants: ## break each rule of the protocol on purpose, and see who notices (20 minutes); MUTANTS=M06,M17 for some
	@mkdir -p results
	$(GO) test -v -count=1 -tags mutants -run '^TestMutants$$' -timeout 2h ./raft/sim/mutants \
		-mutants '$(MUTANTS)' -out $(CURDIR)/results/mutants.md

bench: build ## the standard experiment (under 6 minutes on 2 cores), then its report; SCENARIO=failover ARGS="-r 500/s"
	$(BIN) bench $(SCENARIO) $(ARGS)

bench-smoke: build ## the same at toy size, for a first look (under a minute)
	$(BIN) bench quick $(ARGS)

bench-core: build ## what the replicated log can commit, closed loop, 1 to 1024 proposers
	$(BIN) bench closed $(ARGS)

bench-storage: ## what each tuning of the stored log brings (5 minutes, on a quiet machine); ARMS=syncs, ARMS=tried for others
	@mkdir -p results
	$(GO) test -count=1 -timeout 10m ./storage/pebble \
		-tunings $(CURDIR)/results/bench-storage.md -tunings-arms '$(ARMS)'

bench-transport: build ## the transports alone (4 minutes, on a quiet machine); publish the result for docs/transports.md to quote it
	$(BIN) bench transport -o results/$$(date -u +%Y%m%dT%H%M%SZ)-transport $(ARGS)

bench-redis: build ## redis-benchmark and our generator in turns on the same cluster, closed loop (2 minutes, on a quiet machine)
	@dir=$$(mktemp -d) && trap '$(BIN) cluster down --dir "$$dir"; rm -rf "$$dir"' EXIT && \
	$(BIN) cluster up --detach --dir "$$dir" >"$$dir/up.txt" && \
	targets=$$($(BIN) cluster status --dir "$$dir" | awk 'NR > 1 { printf "%s%s", sep, $$(NF-2); sep = "," }') && \
	$(GO) test ./loadgen/resp -run '^$$' -bench '^BenchmarkBesideRedisBenchmark$$' -benchtime=1x -redis-targets "$$targets"

bench-generator: ## what the generator reaches on one core, and with its client against a server that does nothing (1 minute)
	$(GO) test ./loadgen -run '^$$' -bench '^BenchmarkNullTarget$$' -benchtime=1x
	$(GO) test ./loadgen/resp -run '^$$' -bench '^BenchmarkGenerator$$' -benchtime=1x

bench-compare: ## the hot rooms at REF=main and here, ROUNDS=6 in turns, through benchstat; HOT=bench BENCH=ClosedLoop for all of it
	@dir=$$(mktemp -d) && trap 'git worktree remove --force "$$dir/tree"; rm -rf "$$dir"' EXIT && \
	git worktree add --quiet --detach "$$dir/tree" '$(REF)' && mkdir -p results && \
	for room in $(HOT); do name=$$(echo $$room | tr / -); \
		test ! -d "$$dir/tree/$$room" || (cd "$$dir/tree" && $(GO) test -c -o "$$dir/old-$$name" ./$$room) || exit 1; \
		$(GO) test -c -o "$$dir/new-$$name" ./$$room || exit 1; \
	done && for round in $$(seq $(ROUNDS)); do for room in $(HOT); do for side in old new; do \
		name=$$side-$$(echo $$room | tr / -); test -x "$$dir/$$name" || continue; \
		(cd $$room && "$$dir/$$name" -test.run '^$$' -test.bench '$(BENCH)' -test.benchmem -test.benchtime $(BENCHTIME)) \
			>> "$$dir/$$side.txt" || exit 1; \
	done; done; done && cp "$$dir/old.txt" results/bench-old.txt && cp "$$dir/new.txt" results/bench-new.txt && \
	$(BENCHSTAT) old=results/bench-old.txt new=results/bench-new.txt | tee results/bench-compare.txt

profile: ## CPU, allocations, locks and waits of the closed loop with PROPOSERS=256, into results/profile
	@mkdir -p results/profile
	$(GO) test -c -o results/profile/bench.test ./bench
	cd bench && for of in cpu:-test.cpuprofile mem:-test.memprofile mutex:-test.mutexprofile block:-test.blockprofile trace:-test.trace; do \
		../results/profile/bench.test -test.run '^$$' -test.bench '^BenchmarkClosedLoop$$/^system=raftmark$$/^proposers=$(PROPOSERS)$$' \
			-test.benchtime 3s -test.outputdir ../results/profile "$${of#*:}" "$${of%:*}.out" || exit 1; \
	done
	$(GO) tool pprof -top -nodecount 25 results/profile/bench.test results/profile/cpu.out
	$(GO) tool pprof -top -nodecount 15 -sample_index=alloc_objects results/profile/bench.test results/profile/mem.out

build-peers: ## bin/raftmark-peers: other Raft libraries, and load for an etcd cluster
	@mkdir -p bin
	cd bench/peers && $(GO) build -trimpath -buildvcs=$(BUILDVCS) -o ../../bin/raftmark-peers ./cmd/raftmark-peers

bench-peers: build-peers ## other Raft libraries beside ours and the floor (10 minutes, on a quiet machine); ARGS="--runs 5"
	bin/raftmark-peers $(ARGS)

test-peers: ## the module of those libraries: vet, tidy, and that each keeps what it acknowledged (3 minutes)
	cd bench/peers && $(GO) vet ./... && $(GO) mod tidy -diff && $(GO) test -count=1 -timeout 10m ./...

report: build ## render the report of DIR again (default: the newest of SCENARIO) from its stored results
	@test -n "$(DIR)" || { echo "make report: DIR is not set and results/ has none of $(SCENARIO); run make bench" >&2; exit 2; }
	$(BIN) report $(DIR)

.PHONY: publish verify
publish: build ## add the results in DIRS="results/A results/B" to docs/results, the published ones, and make its pages anew
	$(BIN) publish $(DIRS) -o docs/results --title 'raftmark: published results' $(ARGS)

verify: build ## hold the figures quoted in README.md and docs/ to the published results; WRITE=--write puts those in
	$(BIN) verify --quiet $(WRITE) README.md docs/*.md docs/adr/*.md
	$(BIN) publish --check docs/results

.PHONY: check-page
check-page: ## open the report's pages in headless Chromium (axe-core, html-validate, widths, themes, print; needs node and npm)
	.ci/check-page $(ARGS)

golden: ## rewrite golden files and scripts from what the code does now; then read the diff
	$(GO) test $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n 1 dirname | sort -u) -update
	$(GO) test $$(grep -rl --include='*_test.go' 'cockroachdb/datadriven' . | xargs -n 1 dirname | sort -u) -rewrite

cover: ## coverage by function, and results/cover.html
	@mkdir -p results
	$(GO) test -tags invariants -coverpkg=./... -coverprofile=results/cover.out ./...
	$(GO) tool cover -func=results/cover.out | tail -n 1
	$(GO) tool cover -html=results/cover.out -o results/cover.html

clean: ## remove bin/; results/ is yours to remove
	rm -rf bin

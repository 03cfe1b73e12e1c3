# The targets that matter are demo, test and build. deps fetches what they need; they run it
# by themselves.

SHELL := /bin/bash
.DEFAULT_GOAL := build

# Every Go command runs with the compiler and linker flags for libtensorflow.
GO = eval "$$(scripts/deps.sh env)" && go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
# The packages whose tests compute with whole networks or of many samples, draw many pages, or try files, models and datasets
# damaged, killed and cut off in thousands of ways.
HEAVY = /(models|servable|savedmodel|vgg|vgg/weights|convolution|featurestore|picture|head|training|finetuning|report)$$
# Those that measure memory, which the race detector takes, too: all of their tests are run with it, and without.
MEASURED = ./picture/internal/codec
# Those whose tests run programs, which are built without the race detector: it would watch the tests alone.
PROGRAMS = /(cmd|scripts)$$
# Those whose tests take longest, which begin first: under the race detector and without it.
LONG = ./serving ./app/explorer
LONGER = ./cmd ./featurestore ./scripts ./picture
LDFLAGS = -X fovea/app/cli.version=$(VERSION)
# Tests are linked quickly (scripts/deps.sh), and not vetted: go vet, which make test runs before, looks at all that go test
# would, again for each way of building.
TESTFLAGS = -ldflags="$$FOVEA_TEST_LDFLAGS" -vet=off

# Python keeps what it has compiled in the environments that the tests use, or compiles TensorFlow at each start, for 7 s.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: deps
deps: ## fetch libtensorflow, and what decodes AVIF and HEIC, into the cache (once)
	@scripts/deps.sh install
	@scripts/codecs.sh install

.PHONY: env
env: deps ## print the environment for the go command, for eval
	@scripts/deps.sh env

.PHONY: build
build: deps ## make bin/extract and bin/finetune, with the library in bin/lib
	scripts/programs.sh bin bin/lib . '$(LDFLAGS)'

.PHONY: demo
demo: build ## the whole job on real images (IMAGES=DIR, SAMPLE=N)
	@scripts/demo.sh

.PHONY: test
test: build python browser corpora ## vet, staticcheck, govulncheck, gofmt, all tests, most with the race detector, every fuzz target for 2 s
	@scripts/check-format.sh
	$(GO) vet ./...
	$(GO) vet -tags nocloud ./objects/drivers
	$(GO) tool staticcheck ./...
	@scripts/vulncheck.sh
	@# Without the libraries of object stores that these tests do not talk to, for the race detector; the
	@# programs that the tests build have them. Under it, heavy packages run the short tests, in which all that
	@# they do at the same time is done; without it, all. So do packages in which nothing is done at the same time.
	FOVEA_PYTHON="$$(scripts/python.sh path)" FOVEA_PYTHON_MORE="$$(scripts/python.sh path more-readers)" FOVEA_NODE_MODULES="$$(scripts/node.sh path)" \
		FOVEA_PYTHON_TENSORFLOW="$$(scripts/python.sh path tensorflow)" FOVEA_PYTHON_SCIKIT_LEARN="$$(scripts/python.sh path scikit-learn)" \
		FOVEA_PYTHON_SBOM="$$(scripts/python.sh path sbom)" FOVEA_PYTHON_PICTURES="$$(scripts/python.sh path pictures)" \
		FOVEA_PYTHON_SERVING="$$(scripts/python.sh path serving)" FOVEA_CHROMIUM="$$(scripts/browser.sh path)" && \
		export FOVEA_PYTHON FOVEA_PYTHON_MORE FOVEA_NODE_MODULES FOVEA_PYTHON_TENSORFLOW FOVEA_PYTHON_SCIKIT_LEARN FOVEA_PYTHON_SBOM FOVEA_PYTHON_PICTURES FOVEA_PYTHON_SERVING FOVEA_CHROMIUM && \
		eval "$$(scripts/deps.sh env)" && concurrent="$$(scripts/concurrent.sh)" && others="$$(scripts/concurrent.sh others)" && \
		go test $(TESTFLAGS) -race -tags nocloud -timeout 45m $(LONG) $$(grep -vE '$(HEAVY)|$(PROGRAMS)' <<<"$$concurrent") && \
		go test $(TESTFLAGS) -race -short -tags nocloud $$(grep -E '$(HEAVY)' <<<"$$concurrent") && \
		go test $(TESTFLAGS) -tags nocloud -timeout 45m $(LONGER) $(MEASURED) $$(grep -E '$(HEAVY)' <<<"$$concurrent") $$others
	$(GO) test $(TESTFLAGS) ./objects/drivers
	$(MAKE) test-beam
	@scripts/fuzz.sh $(or $(FUZZTIME),2s)

.PHONY: vulncheck
vulncheck: deps ## look the modules up in Go's database of vulnerabilities, where that can be reached
	@scripts/vulncheck.sh

.PHONY: short
short: deps ## the quick tests only, without the race detector
	$(GO) test -short ./...

.PHONY: fuzz
fuzz: deps ## every fuzz target for FUZZTIME each
	@scripts/fuzz.sh $(or $(FUZZTIME),10s)

.PHONY: bench
bench: build ## the speed of the model alone and of the whole command, of datasets beside pyarrow, of training beside scikit-learn
	@scripts/bench.sh
	@scripts/bench-store.sh
	@scripts/bench-head.sh

.PHONY: bench-head
bench-head: deps ## training a head beside scikit-learn alone (CLASSES="2 10", ROWS=N, COLUMNS=N, RUNS=N)
	@scripts/bench-head.sh

.PHONY: bench-heads
bench-heads: build ## what heads are worth beside scikit-learn's LogisticRegressionCV on a dozen tasks (PHOTOS=DIR, TASKS="...", KINDS="...", WORK=DIR)
	@scripts/bench-heads.sh

.PHONY: bench-peers
bench-peers: build ## Keras, PyTorch, ONNX Runtime and OpenVINO, also in int8, side by side (PEERS="...", PRECISIONS="...", SAMPLE=N, ROUNDS=N)
	@scripts/bench-peers.sh

.PHONY: bench-accuracy
bench-accuracy: build ## heads on features in each precision and of int8 peers (PEERS="...", PRECISIONS="...", SAMPLE=N)
	@scripts/bench-accuracy.sh

.PHONY: bench-training-peers
bench-training-peers: build ## an epoch of training beside Keras and PyTorch (TRAINING=block5 or scratch, PEERS="...", SAMPLE=N, ROUNDS=N)
	@scripts/bench-training-peers.sh

.PHONY: bench-memory
bench-memory: deps ## the memory of extract over 100,000 images (PICTURES=N)
	@scripts/bench-memory.sh

.PHONY: beam
beam: deps ## make bin/extract-beam, which extracts on engines that Apache Beam drives
	scripts/programs.sh bin bin/lib beam '$(LDFLAGS)'

.PHONY: test-beam
test-beam: deps ## vet, staticcheck and tests of extract-beam: Prism, a server of it, a killed worker
	$(GO) build -o bin/tools/ honnef.co/go/tools/cmd/staticcheck
	eval "$$(scripts/deps.sh env)" && cd beam && go vet ./... && ../bin/tools/staticcheck ./... && go test $(TESTFLAGS) ./...

.PHONY: test-cluster
test-cluster: deps ## extract-beam on a cluster of Apache Flink, whose workers are killed (needs Java 17 and Maven)
	@scripts/cluster.sh install
	eval "$$(scripts/deps.sh env)" && cd beam && FOVEA_FLINK="$$(../scripts/cluster.sh dir)" timeout --kill-after=10 1800 \
		go test -tags cluster -run 'TestFlink' -count 1 -v -timeout 25m ./cmd/extract-beam

.PHONY: package
package: deps ## dist/fovea-VERSION-OS-ARCH.tar.gz: programs, library, manual pages, completions, bill of materials
	@scripts/package.sh '$(VERSION)'

.PHONY: python
python: ## the environments that the tests check against: readers in Python and JavaScript, TensorFlow, scikit-learn
	@scripts/python.sh install
	@scripts/python.sh install more-readers
	@scripts/node.sh install
	@scripts/python.sh install tensorflow
	@scripts/python.sh install scikit-learn
	@scripts/python.sh install sbom
	@scripts/python.sh install pictures
	@scripts/python.sh install serving

.PHONY: browser
browser: ## the browser that the tests look at reports with: an installed Chromium, or the distribution's
	@scripts/browser.sh install

.PHONY: corpora
corpora: ## the test images of Pillow, pydicom, libjpeg-turbo and libpng
	@testdata/picture/corpora.sh

.PHONY: clean
clean: ## remove what was built; the cache stays
	rm -rf bin dist out

# Everything runs in a virtual environment of its own; only Python, make and Go are needed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

.PHONY: demo test test-unit lint crds chart bench chaos restarts soak sandbox-up sandbox-down image image-multiarch \
	image-check kind kind-down clean help

IMAGE ?= gpucost:dev
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
# Add --build-arg PYTHON_DIGEST=sha256:... for a build that others can repeat.
IMAGE_ARGS ?=
IMAGE_LABELS = --build-arg SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) \
	--build-arg VERSION=$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) \
	--build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) \
	--build-arg CREATED=$$(date -u -d @$(SOURCE_DATE_EPOCH) +%Y-%m-%dT%H:%M:%SZ)

help: ## Say what there is
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

demo: $(STAMP) ## A simulated day on this machine: no cluster, no root, under a minute
	@$(BIN)/gpucost demo

test: $(DEV_STAMP) lint ## Lint and all tests, with a real API server and a real Prometheus
# Whatever cannot be had here is told here; the tests that need it say so too.
	-@$(BIN)/python -m sandbox binaries
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-unit: $(DEV_STAMP) ## Only the tests that need no servers
	$(BIN)/pytest --numprocesses 2 -m "not cluster"

lint: $(DEV_STAMP) ## ruff, mypy, the rooms' one direction, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python hack/make_crds.py --check
	$(BIN)/python hack/make_chart.py --check

crds: $(DEV_STAMP) ## Generate crds/ from the models, and what of the chart is made from them
	$(BIN)/python hack/make_crds.py
	$(BIN)/python hack/make_chart.py

chart: $(DEV_STAMP) ## Generate the chart's CRDs, schema and README
	$(BIN)/python hack/make_chart.py

bench: $(STAMP) ## How long the numeric stages take, beside copying the same bytes; BENCH_ROWS=N,M for other sizes
# Memory stays with the process, so that what is timed is the work and not the system handing out pages.
	@MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=68719476736 PYTHONPATH=. $(BIN)/python -m benchmarks

chaos: $(DEV_STAMP) ## 200 kills and 1,000 faults over simulated days; CHAOS="--seed N --operators 2" for other ones
	@PYTHONPATH=. $(BIN)/python -m tests.chaos $(CHAOS)

restarts: $(DEV_STAMP) ## A kill before and after every single call of a day's work
	@PYTHONPATH=. $(BIN)/python -m tests.chaos restarts --node gpu-a100-1 $(CHAOS)

soak: $(DEV_STAMP) ## 2,000 windows in one process, which must not grow
	@PYTHONPATH=. $(BIN)/python -m tests.chaos soak --node gpu-a100-1 $(CHAOS)

sandbox-up: $(DEV_STAMP) ## A real API server and Prometheus with a simulated GPU fleet
	$(BIN)/python -m sandbox up

sandbox-down: $(DEV_STAMP) ## Stop them
	$(BIN)/python -m sandbox down

image: ## Build the container image; IMAGE=name:tag, IMAGE_ARGS for more options
	docker build $(IMAGE_LABELS) $(IMAGE_ARGS) -t $(IMAGE) .

image-multiarch: ## The same for x86-64 and arm64; IMAGE_ARGS=--push to publish it
	docker buildx build --platform linux/amd64,linux/arm64 $(IMAGE_LABELS) $(IMAGE_ARGS) -t $(IMAGE) .

image-check: $(DEV_STAMP) ## Whether every dependency has a wheel for both architectures, and the image's steps without Docker
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && for machine in x86_64 aarch64; do \
	  $(BIN)/python hack/image_wheels.py $$machine "$$folder/$$machine" || exit 1; \
	done
	$(BIN)/pytest tests/unit/project/test_project_image.py

kind: ## A kind cluster that looks as if it had GPUs, with gpucost on it; needs docker, kind, helm and kubectl
	@hack/kind.sh check
	@$(MAKE) image IMAGE=gpucost:kind
	@hack/kind.sh up

kind-down: ## Delete it
	@hack/kind.sh down

clean: ## Remove what was built here
	rm -rf $(VENV) dist out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(DEV_STAMP): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e . --group dev
	@touch $(STAMP) $@

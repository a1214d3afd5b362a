# make demo | make test | make check; each makes the environment by itself.
PYTHON ?= python3
TORCH ?= cpu        # cpu or cuda
TORCH_INDEX ?=      # a package index to take torch from, e.g. PyTorch's own for small CPU builds
VENV := .venv
BIN := $(VENV)/bin
COMET := .venv-comet
PEARMUT := .venv-pearmut
PEARMUT_PYTHON ?= python3.12
EXTRAS ?= dev,track,slurm,onnx,ctranslate2
NAME ?= demo

.PHONY: env comet-env demo test test-cluster test-faults test-campaign check clean

env: $(VENV)/installed-$(strip $(TORCH))

# torch comes first and by itself: whatever depends on it would otherwise choose another build.
$(VENV)/installed-$(strip $(TORCH)): pyproject.toml constraints.txt Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Parley needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(strip $(TORCH_INDEX)),--index-url $(strip $(TORCH_INDEX))) $$(grep '^torch==' constraints.txt)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@test $(strip $(TORCH)) = cpu || $(BIN)/python -c 'import sys, torch; sys.exit(None if torch.cuda.is_available() else "TORCH=cuda, but this torch sees no GPU")'
	@touch $@

demo: env
	$(BIN)/python scripts/pipeline.py experiment=demo_teacher name=$(NAME)

test: env
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

# SLURM and Ray on this one machine: Debian's slurm-wlm and munge, as root.
test-cluster: env
	command -v slurmctld >/dev/null || { apt-get update -qq && apt-get install -y -qq slurm-wlm munge; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS),ray]'
	$(BIN)/python -m pytest -m cluster tests/cluster

# Sixty kills and forty damages over all rooms of a toy run; FAULT_KILLS and FAULT_DAMAGES say other numbers.
test-faults: env
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m faults tests/end_to_end/faults

# A campaign in the real Pearmut, which wants Python 3.12 and has an environment of its own, and in an installed Chromium.
test-campaign: env $(PEARMUT)/bin/pearmut
	PEARMUT=$(CURDIR)/$(PEARMUT)/bin/pearmut $(BIN)/python -m pytest tests/eval/campaign

$(PEARMUT)/bin/pearmut:
	test -x $(PEARMUT)/bin/python || $(PEARMUT_PYTHON) -m venv $(PEARMUT)
	$(PEARMUT)/bin/python -m pip install --quiet --disable-pip-version-check pearmut==1.1.6

check: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# COMET pins packages too old for the rest, so it has an environment of its own; torch first here too.
comet-env: $(COMET)/installed

$(COMET)/installed: constraints-comet.txt
	test -x $(COMET)/bin/python || $(PYTHON) -m venv $(COMET)
	$(COMET)/bin/python -m pip install --quiet --disable-pip-version-check $(if $(strip $(TORCH_INDEX)),--index-url $(strip $(TORCH_INDEX))) $$(grep '^torch==' constraints-comet.txt)
	$(COMET)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-comet.txt unbabel-comet setuptools
	@touch $@

clean:
	rm -rf $(VENV) $(COMET) $(PEARMUT) build *.egg-info

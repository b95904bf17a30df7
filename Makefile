# make demo   a spoken question in, a spoken answer out, and a picture of what happened
# make test   all tests and all notebooks
# make lab    the notebooks, in JupyterLab; make refresh runs them all and writes their outputs back,
#             with their thumbnails, and what README shows and plays
# make train  such weights as are shipped, from nothing, in 60 to 90 minutes on two cores, in their place; make evaluate
#             measures them
# make benchmark  how fast it is, beside what people would use instead: docs/performance.md
# make browse-lab  the explorers of the notebooks, moved in JupyterLab by headless Chromium; and asked aloud
# make site   docs, notebooks and code as pages: build/site/index.html; make browse looks for faults in Chromium
# All set up everything in .venv first; Chromium, for the two that browse, is yours to install.
# PYTHON=python3.12 takes another Python, after `make clean` if there is a .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NOTEBOOKS := $(wildcard notebooks/*.ipynb notebooks/solutions/*.ipynb)
# each file in one process: the cells of a notebook share a kernel
SIDE_BY_SIDE := --numprocesses=auto --maxprocesses=4 --dist=loadfile

.PHONY: demo test lint lab refresh train evaluate benchmark site browse browse-lab clean

demo: $(VENV)/installed
	mkdir -p build
	$(BIN)/python -m omni_ref ask omni_ref/assets/question.wav -o build/answer.wav --figure build/answer.png

test: lint
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) --cov=omni_ref --cov-fail-under=97
ifneq ($(NOTEBOOKS),)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) --nbval --nbval-current-env --nbval-cell-timeout=300 --nbval-sanitize-with=tests/nbval.cfg $(NOTEBOOKS)
endif

lab: $(VENV)/installed-notebooks
	$(BIN)/jupyter lab --ServerApp.root_dir=. notebooks/00_tour.ipynb

refresh: $(VENV)/installed-notebooks
	$(BIN)/python tools/refresh.py $(NOTEBOOKS)
	$(BIN)/python tools/front_page.py

train: $(VENV)/installed-notebooks
	$(BIN)/python -m omni_ref train

evaluate: $(VENV)/installed-dev
	$(BIN)/python -m omni_ref evaluate -o docs/model-card.md

benchmark: $(VENV)/installed-dev
	PYTHONPATH=tests $(BIN)/python -m benchmarks

browse-lab: $(VENV)/installed-dev
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable ".[browser]"
	$(BIN)/python tools/browse_lab.py

site: $(VENV)/installed-dev
	$(BIN)/python -m sphinx -W --keep-going -q -b html -c docs -d build/doctrees . build/site

browse: site
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable ".[browser]"
	$(BIN)/python tools/browse_site.py build/site build/pictures

lint: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-notebooks: $(VENV)/installed
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable ".[notebooks,training]"
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build

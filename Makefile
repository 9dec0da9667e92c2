# Everything a reader, a learner, an instructor or a contributor starts with.
# Each command first makes the virtual environment, if it is not there yet.

PYTHON ?= python3
PORT   ?= 8888
VENV   := .venv
RUN    := $(VENV)/bin/
READY  := $(VENV)/.ready
SHELL  := /bin/bash
.SHELLFLAGS := -o pipefail -c
# Containers often set this. Then each process compiles all that it imports, anew.
unexport PYTHONDONTWRITEBYTECODE
# On all cores, each file of tests on one of them, but for the longest: see conftest.
PARALLEL := -n auto --dist loadfile
QUICK := not slow and not browser and not sandbox
# The quick tests, and what share of the code they run: one figure, in percent.
MEASURED = $(RUN)coverage erase \
  && $(RUN)coverage run -m pytest $(PARALLEL) -m "$(QUICK)" tests \
  && $(RUN)coverage combine -q \
  && echo "The quick tests run $$($(RUN)coverage report) % of the code."
# Style, stubs, the floors of the house, types, and whether what is imported is declared.
CHECKS := set -e; $(RUN)ruff check .; $(RUN)ruff format --check .; \
  $(RUN)python -m autograder sync --check; \
  $(RUN)lint-imports --no-cache | tail -n 1; $(RUN)mypy; $(RUN)deptry . 2>&1 | tail -n 1
# What `make test` needs: a browser for the tests of pages. BROWSER=no does without.
BROWSER ?= yes
# Where uv is installed, it installs. The book needs no GPU, and PyTorch's build without
# one is gigabytes smaller. For another one: make book UV_OPTIONS=
UV_OPTIONS ?= --torch-backend cpu

.DEFAULT_GOAL := help
.PHONY: help install book lab quick coverage test course sync lint clean

help:  ## say what there is
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

install: $(READY)  ## make the virtual environment .venv and install everything

book: $(READY)  ## build the HTML book
	@echo "Composing the notebooks ..."
	@$(RUN)python -m autograder build
	@$(RUN)python -m book.live.pyodide
	@echo "Building the pages ..."
	@$(RUN)jupyter-book build . -q -n -W --keep-going >/dev/null || { \
	  echo "The book could not be built. The first error above names the file."; exit 1; }
	@echo "Open the book: file://$(CURDIR)/_build/html/index.html"

lab: $(READY)  ## open JupyterLab on your own copies of the chapters, in work/
	@test -x $(RUN)jupyter-lab || { \
	  echo "JupyterLab is missing in $(VENV). To install it: rm $(READY); make lab"; exit 1; }
	@$(RUN)python -m autograder work
	@echo "Starting JupyterLab on port $(PORT), or the next free one, in $(CURDIR)."
	@echo "Open the address that it prints, if no browser opens. Stop it with Ctrl-C."
	@$(RUN)jupyter-lab --config=autograder/lab/jupyter_lab_config.py --port=$(PORT) \
	  $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_OPTIONS)

quick: $(READY)  ## what to run before each commit: style, stubs, floors, quick tests
	@$(CHECKS)
	@$(RUN)pytest $(PARALLEL) -m "$(QUICK)" tests

coverage: $(READY)  ## what share of the code the quick tests run, in percent
	@$(MEASURED)

test: book  ## build the book and run all tests
	@test $(BROWSER) = no || $(RUN)python tests/support/get_browser.py
	@echo "Checking the stubs, the style and the code ..."
	@$(CHECKS)
	@echo "Running the chapters with their solutions, and comparing what the checks say ..."
	@$(RUN)pytest $(PARALLEL) --nbval-lax _build/source
	@failed=0; \
	echo "Running the quick tests, and counting which lines they run ..."; \
	{ $(MEASURED); } || failed=1; \
	echo "Running the other tests ..."; \
	$(RUN)pytest $(PARALLEL) --browser=$(BROWSER) -m "not ($(QUICK))" tests || failed=1; \
	exit $$failed

course: $(READY)  ## make an nbgrader course in course/; nothing there is overwritten
	@$(RUN)python -m autograder course course
	@echo "Students are read from course/roster.csv, due dates from course/due_dates.csv."
	@echo "Next: source $(VENV)/bin/activate, cd course, python -m autograder release CHAPTER"

sync: $(READY)  ## write the stubs of solutions/ into the chapters
	@$(RUN)python -m autograder sync

lint: $(READY)  ## format the code and check its style
	@$(RUN)ruff format .
	@$(RUN)ruff check --fix .

clean:  ## remove what was built; leaves .venv, work/ and course/ alone
	@rm -rf _build

$(READY): requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not that."; \
	  echo "Install it, or name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Making $(VENV) and installing; the first time this downloads a lot ..."
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "Python's venv module is missing (on Debian and Ubuntu: apt install python3-venv)."; \
	  rm -rf $(VENV); exit 1; }
	@$(WITH_UV) || $(WITH_PIP) || { \
	  echo "The installation failed. Is there a network, and enough disk?"; \
	  echo "Run the same command again: it goes on where it stopped."; exit 1; }
	@touch $@

# pip reads settings that uv does not know, such as a mirror: it has the last word.
WITH_UV = { command -v uv >/dev/null \
  && { uv pip install --python $(VENV) $(UV_OPTIONS) -r requirements.txt \
  || { echo "uv could not do it. Now pip tries ..."; false; }; }; }
# Python compiles a module when it is first imported: not all of them now.
WITH_PIP = $(RUN)python -m pip install --no-compile --disable-pip-version-check \
  -r requirements.txt | awk '$(PIPS_PROGRESS)'
# One line that moves, where somebody watches; else only that the longest part begins.
PIPS_PROGRESS = BEGIN { watched = !system("test -t 2") } \
  /^Collecting/ && watched { printf "\r\033[K%3d fetched: %s", ++n, $$2 >"/dev/stderr" } \
  /^Installing/ { if (watched) print "" >"/dev/stderr"; print "Unpacking them ..." }

# Needs Python 3.10+ (with venv), a C compiler and make; everything else is put into .venv by the targets themselves.
#
#   make PYTHON=python3.13   another interpreter for .venv (after `make clean-all`)
#   make CC=clang            another compiler for the C tests and the extension
#   make test ARGS='-k relu' arguments for pytest;  BENCH_ARGS, DEMO_ARGS likewise

PYTHON     ?= python3
VENV       := .venv
BIN        := $(VENV)/bin
PIP        := @$(BIN)/python -m pip --disable-pip-version-check install -qq
CORE       ?= native
ARGS       ?=
BENCH_ARGS ?=
DEMO_ARGS  ?=
SECONDS    ?= 60
SEED       ?=
FUZZ       ?=
ifneq ($(origin CC),default)
export CC
endif

C_SOURCES := $(wildcard csrc/*.c csrc/program/*.c)
# Written against the Python API, and no part of the C tests.
C_NATIVE  := $(wildcard csrc/value/*.c)
C_HEADERS := $(wildcard csrc/*.h csrc/*.def csrc/value/*.h csrc/program/*.h csrc/program/*.def csrc/program/*.inc tests/c/*.h)
C_TESTS   := $(wildcard tests/c/test_*.c)
C_FORMAT  := $(wildcard csrc/*.[ch] csrc/value/*.[ch] csrc/program/*.[ch] tests/c/*.[ch] benchmarks/c/*.[ch])
PY_FORMAT := $(wildcard micrograd_c tests examples benchmarks docs) setup.py build_ffi.py build_types.py $(wildcard .ci/*.py)

C_BASE    := -std=gnu11 -ffp-contract=off -fno-math-errno -fno-trapping-math -fvisibility=hidden -pthread -Icsrc
C_WARN    := -Wall -Wextra -Werror
SANITIZE  ?= -fsanitize=address,undefined -fno-sanitize-recover=all
C_CHECKED := $(C_BASE) $(C_WARN) -g -O1 -fno-omit-frame-pointer $(SANITIZE) -DMG_TEST_ALLOC
C_RELEASE := $(C_BASE) $(C_WARN) -O3
# For another machine (.ci/test-platforms): where its objects go, how its programs are called, and what runs them.
OUT       ?= build
EXE       ?=
RUN       ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: help demo test test-slow ctest fuzz asan coverage test-all house types warnings lint format hooks docs bench build dist clean clean-all

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.examples  ## train a network through an unchanged micrograd script, and time it
	$(BIN)/python examples/demo.py $(DEMO_ARGS)

# A worker for each processor; one that has nothing left takes over half of what another one has still to do.
PYTEST = $(BIN)/python -m pytest -n auto --dist worksteal

test: ctest $(VENV)/.test  ## the C tests under sanitizers, then the Python tests but the slow ones, on both cores
	MICROGRAD_C_CORE=cffi $(PYTEST) -m 'not slow' $(ARGS)
	MICROGRAD_C_CORE=$(CORE) $(PYTEST) -m 'not slow' $(ARGS)

test-slow: $(VENV)/.test-slow  ## the tests that `make test` leaves out: a browser, notebooks, exercises, builds of copies
	MICROGRAD_C_CORE=cffi $(PYTEST) -m 'slow and not once' $(ARGS)
	MICROGRAD_C_CORE=$(CORE) $(PYTEST) -m slow $(ARGS)

fuzz: $(VENV)/.test  ## random input against second opinions: SECONDS=60 each, SEED=n, FUZZ='names'
	$(BIN)/python tests/fuzz --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(FUZZ)

test-all: dist  ## build and test with every Python found, and the C code for other compilers and systems
	.ci/test-all $(ARGS)
	.ci/test-platforms

docs: $(VENV)/.new_enough $(VENV)/.docs  ## the site, into build/docs/index.html; on Python 3.11 or newer
	$(BIN)/python docs/make_site.py $(ARGS)

bench: $(VENV)/.bench  ## measure against micrograd and others
	$(BIN)/python benchmarks/run.py $(BENCH_ARGS)

build: $(VENV)/.build  ## compile the extension, and install the package editably into .venv

dist: $(VENV)/.dist  ## sdist, and a wheel built from it, into dist/
	rm -rf dist
	$(BIN)/python -m build --quiet --outdir dist

format: $(VENV)/.lint  ## lay out Python and C
	$(BIN)/ruff format $(PY_FORMAT)
	$(BIN)/ruff check --fix-only $(PY_FORMAT)
	$(if $(C_FORMAT),$(BIN)/clang-format -i $(C_FORMAT))

lint: $(VENV)/.lint house types warnings  ## ruff, mypy --strict, pyright, clang-format, compiler warnings, arrows between files
	$(BIN)/ruff format --check $(PY_FORMAT)
	$(BIN)/ruff check $(PY_FORMAT)
	$(BIN)/mypy
	$(if $(C_FORMAT),$(BIN)/clang-format --dry-run -Werror $(C_FORMAT))

warnings: $(VENV)/.venv  # of the compiler, for all C code that is shipped
	$(if $(C_SOURCES),$(CC) $(C_RELEASE) -Wshadow -Wstrict-prototypes -Wmissing-prototypes -fsyntax-only $(C_SOURCES))
	$(CC) $(C_RELEASE) -Wshadow -Wstrict-prototypes -Wmissing-prototypes -DPy_LIMITED_API=0x030A0000 -DMG_SOURCES=0 -fsyntax-only $(C_NATIVE) \
	  -isystem "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')"

types: $(VENV)/.lint $(VENV)/.types  ## mypy and pyright on right uses and on wrong lines; all public names have types
	$(BIN)/mypy tests/types
	@mkdir -p build/types && ln -sfn $(CURDIR)/micrograd_c build/types/micrograd_c
	PYTHONPATH=$(CURDIR)/build/types $(BIN)/python -m pyright --pythonpath $(BIN)/python tests/types
	@PYTHONPATH=$(CURDIR)/build/types $(BIN)/python -m pyright --pythonpath $(BIN)/python --ignoreexternal \
	  --verifytypes micrograd_c >build/types/report || { cat build/types/report; exit 1; }

house:  ## every arrow between files points down, and no file is long
	$(PYTHON) .ci/house.py

hooks: $(VENV)/.lint  ## run the formatters and linters at every git commit
	$(BIN)/pre-commit install

clean:  ## remove what was built, but not the environments
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks $(VENV)/.build
	find micrograd_c \( -name '*.so' -o -name '*.pyd' \) -delete
	find micrograd_c tests examples benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

clean-all: clean  ## remove the environments too
	rm -rf .venv .venv-*

# ---- Python ----------------------------------------------------------------------------------------------------
# One stamp for each thing that is installed. A stamp of a group stands on .build by order only: a change of the C
# code compiles the extension again, and no more.

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo 'Python 3.10 or newer is needed; name one with make PYTHON=...'; exit 1; }
	@[ -w . ] || { echo 'No $(VENV) can be made in $(CURDIR): this user may not write there'; exit 1; }
	@echo '-- making $(VENV)'
	@$(PYTHON) -m venv $(VENV) \
	  || { echo 'No virtual environment could be made. On Debian and Ubuntu: apt install python3-venv'; exit 1; }
	$(PIP) --upgrade setuptools cffi
	@touch $@

$(VENV)/.build: $(VENV)/.venv $(C_SOURCES) $(C_NATIVE) $(C_HEADERS) build_ffi.py setup.py pyproject.toml micrograd_c/_version.py
	@echo '-- compiling the extension (half a minute)'
	$(PIP) --no-build-isolation --no-deps --editable .
	$(PIP) cffi
	@touch $@

$(VENV)/.new_enough: | $(VENV)/.venv
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'The site needs Python 3.11 or newer, as Sphinx does: make clean-all, then make PYTHON=... docs'; exit 1; }
	@touch $@

# pip knows groups from 25.1 on; an older one comes with most Pythons.
GROUPS := examples test test-slow coverage bench docs lint types dist
$(GROUPS:%=$(VENV)/.%): $(VENV)/.%: pyproject.toml | $(VENV)/.build
	@echo '-- installing the dependency group "$*" of pyproject.toml (a minute or two)'
	$(PIP) 'pip>=25.1'
	$(PIP) --group $*
	@touch $@

# ---- C tests ---------------------------------------------------------------------------------------------------
# Each tests/c/test_*.c is a program of its own, linked with the whole engine. The engine is also compiled as it is
# shipped, since the optimiser finds other things to warn of. gcc 13 misplaces vectors of AVX-512 where it looks for
# uses of a stack frame after its return, so that one check is off (gcc's bug 110027).

CHECKED := $(C_SOURCES:%.c=$(OUT)/checked/%.o)
RELEASE := $(C_SOURCES:%.c=$(OUT)/release/%.o)
PROGRAM := $(C_TESTS:%.c=$(OUT)/checked/%$(EXE))

ctest: $(RELEASE) $(PROGRAM)  ## the C tests alone
	@echo '-- running the C tests (half a minute)'
	@for program in $(PROGRAM); do echo "-- $$program"; ASAN_OPTIONS=detect_stack_use_after_return=0 $(RUN) $$program || exit 1; done

$(OUT)/.compiler: Makefile
	@command -v $(firstword $(CC)) >/dev/null || { echo 'The C compiler $(firstword $(CC)) was not found.'; \
	  echo 'What to install: on Debian and Ubuntu build-essential, on Fedora gcc, on Alpine build-base,'; \
	  echo 'on macOS xcode-select --install. Another compiler is chosen by make CC=...'; exit 1; }
	@mkdir -p $(@D)
	@echo 'int main(void) { return 0; }' | $(CC) $(C_CHECKED) -x c - -o $@ || { $(if $(SANITIZE),\
	  echo 'The C tests need AddressSanitizer and UBSan (on Fedora: libasan and libubsan);'; \
	  echo 'make SANITIZE= runs them without.',echo 'The C compiler $(firstword $(CC)) does not work.'); exit 1; }
	@echo '-- compiling the engine and its C tests (a minute)'

$(RELEASE) $(CHECKED) $(PROGRAM): | $(OUT)/.compiler

$(OUT)/checked/%.o: %.c $(C_HEADERS) Makefile
	@mkdir -p $(@D)
	@$(CC) $(C_CHECKED) -c $< -o $@

$(OUT)/release/%.o: %.c $(C_HEADERS) Makefile
	@mkdir -p $(@D)
	@$(CC) $(C_RELEASE) -c $< -o $@

$(OUT)/checked/tests/c/%$(EXE): tests/c/%.c $(CHECKED) $(C_HEADERS) Makefile
	@mkdir -p $(@D)
	@$(CC) $(C_CHECKED) $< $(CHECKED) -lm -o $@

# ---- the Python tests under sanitizers -------------------------------------------------------------------------
# A copy of the tree, so that the instrumented extension does not lie in the way of the ordinary one. The sanitizer
# must be loaded before Python is; libstdc++ with it, or exceptions of other people's C++ extensions end the process.
# Leaks are not looked for, since CPython itself keeps memory at exit: that is for the C tests. pytest captures
# what Python prints and no more, or the report of a dying process would be lost with it.

ASAN := build/asan

asan: $(VENV)/.test  ## the Python tests but the slow ones, with an extension built under ASan and UBSan
	rm -rf $(ASAN) && mkdir -p $(ASAN)/src
	cp -R $(filter-out build dist micrograd_c.egg-info,$(wildcard *)) $(ASAN)/src
	find $(ASAN)/src/micrograd_c -name '*.so' -delete
	cd $(ASAN)/src && MICROGRAD_C_SANITIZE=1 $(CURDIR)/$(BIN)/python setup.py --quiet build_ext --inplace
	cd $(ASAN)/src && MICROGRAD_C_SANITIZE=1 PYTHONMALLOC=malloc PYTHONPATH=$(CURDIR)/$(ASAN)/src \
	  ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0 UBSAN_OPTIONS=print_stacktrace=1 \
	  LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libstdc++.so)" \
	  $(CURDIR)/$(BIN)/python -m pytest --capture=sys -m 'not memory and not slow' $(ARGS)

# ---- coverage --------------------------------------------------------------------------------------------------
# Another copy of the tree: the C tests and the Python tests on both cores run in it, on code that counts what it
# reaches, and that lets allocations fail. fork is no builtin: that one forgets what the handlers of fork have reached. A
# function that is else copied into each caller counts once. A test that fails is told and stops nothing: `make test`
# judges tests.

COVERAGE := build/coverage
COUNTED  := --coverage -fprofile-update=atomic -O0 -DMG_COUNTED -Dalways_inline=unused -fno-builtin-fork

coverage: $(VENV)/.coverage  ## which lines and branches of the C code the C tests and both cores' Python tests reach
	rm -rf $(COVERAGE) && mkdir -p $(COVERAGE)/src
	cp -R $(filter-out build dist micrograd_c.egg-info,$(wildcard *)) $(COVERAGE)/src
	find $(COVERAGE)/src/micrograd_c -name '*.so' -delete
	$(MAKE) --no-print-directory -C $(COVERAGE)/src ctest SANITIZE='$(COUNTED)'
	cd $(COVERAGE)/src && MICROGRAD_C_COVERAGE='$(COUNTED)' $(CURDIR)/$(BIN)/python setup.py --quiet build_ext --inplace
	cd $(COVERAGE)/src && for core in cffi $(CORE); do \
	  for tests in "-m 'not slow'" tests/test_memory.py; do \
	    MICROGRAD_C_CORE=$$core PYTHONPATH=$(CURDIR)/$(COVERAGE)/src eval $(CURDIR)/$(BIN)/python -m pytest -q $$tests $(ARGS) || true; \
	  done; \
	done
	cd $(COVERAGE)/src && $(CURDIR)/$(BIN)/gcovr --root . --filter csrc/ --json $(CURDIR)/$(COVERAGE)/counts.json \
	  --gcov-ignore-errors=no_working_dir_found build 2>$(CURDIR)/$(COVERAGE)/gcovr.log
	$(BIN)/python .ci/coverage.py $(COVERAGE)/counts.json

# Thin: each target calls what does the work.  `make help` lists them.
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
CTEST_FLAGS ?=

.PHONY: all packages demo test check tidy format sanitize asan tsan fuzz bench install clean help
all: build/release/build.ninja  ## build build/release/fusebox
	@cmake --build --preset release -j $(JOBS)

build/%/build.ninja: CMakePresets.json
	@cmake --preset $* --log-level=WARNING
	@touch $@

packages:  ## install the Debian packages that are missing
	@tools/install-packages

demo: packages  ## install packages, build, and build Fusebox once more inside a box
	@$(MAKE) --no-print-directory all
	@tools/demo build/release/fusebox

test: packages  ## install packages, build, and run all tests
	@$(MAKE) --no-print-directory all
	@ctest --preset release -j $(JOBS)

check: packages build/tidy/build.ninja  ## format, layers, headers, scripts, clang-tidy
	@tools/check_format
	@tools/check_layers.py
	@tools/check_headers
	@tools/check_scripts
	@tools/check_tidy

format:  ## rewrite the sources as clang-format wants them
	@tools/check_format --fix

sanitize: asan tsan  ## run all tests under address+undefined, then under thread sanitizer

asan tsan: packages
	@$(MAKE) --no-print-directory build/$@/build.ninja
	@cmake --build --preset $@ -j $(JOBS)
	@ctest --preset $@ -j $(JOBS) $(CTEST_FLAGS)

fuzz: packages build/fuzz/build.ninja  ## run each fuzzer for FUZZ_SECONDS (60)
	@cmake --build --preset fuzz -j $(JOBS)
	@tools/run_fuzzers build/fuzz $(FUZZ_SECONDS)

bench: packages  ## measure against native, fuse-overlayfs, bwrap and strace (ROUNDS=5, UPDATE_DOCS=1)
	@tools/install-packages bench
	@$(MAKE) --no-print-directory all
	@bench/run

install: all  ## install to DESTDIR/PREFIX (/usr/local)
	@cmake --install build/release --prefix $(PREFIX)

clean:  ## remove build/
	@rm -rf build

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*  ## /\1\t/p' Makefile | expand -t 12

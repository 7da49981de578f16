# One build, no recursion.  `make help` lists the targets.

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
OPT     ?= -O2 -g
SAN     ?=
# How many end-to-end tests run side by side.
JOBS    ?= 5

PKGS := fuse3 libcurl libxml-2.0 sqlite3 jansson libical icu-i18n icu-uc inih \
	libcrypto libsystemd
SIM_PKGS  := libmicrohttpd libxml-2.0 jansson libcrypto zlib libical icu-i18n icu-uc
TEST_PKGS := cmocka

WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wvla -Werror
CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFUSE_USE_VERSION=314 -I.
CFLAGS += -std=gnu11 $(OPT) $(WARN) $(SAN) -fstack-protector-strong -pthread
LDFLAGS += $(SAN) -pthread
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) $(SIM_PKGS) $(TEST_PKGS) 2>/dev/null)
PKG_LIBS   = $(shell pkg-config --libs $(PKGS)) -lm
SIM_LIBS   = $(shell pkg-config --libs $(SIM_PKGS)) -lm
TEST_LIBS  = $(shell pkg-config --libs $(TEST_PKGS))

PROGRAM_MAINS := fs/main.c fs/tandemctl.c
LIB_SRC   := $(filter-out $(PROGRAM_MAINS),$(wildcard fs/*.c sync/*.c sync/*/*.c ews/*.c crm/*.c \
	mountopts/*.c))
SIM_SRC   := $(wildcard tests/sim/*.c)
UNIT_SRC  := $(wildcard tests/unit/*_test.c tests/unit/*/*_test.c tests/unit/*/*/*_test.c)
BENCH_SRC := $(wildcard tests/bench/*.c)
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)
HELPER_SRC := $(wildcard tests/e2e/helpers/*.c)

LIB_OBJ   := $(LIB_SRC:%.c=$(BUILD)/%.o)
SIM_OBJ   := $(SIM_SRC:%.c=$(BUILD)/%.o)
UNIT_BIN  := $(UNIT_SRC:%.c=$(BUILD)/%)
BENCH_BIN := $(BENCH_SRC:%.c=$(BUILD)/%)
FUZZ_BIN  := $(FUZZ_SRC:%.c=$(BUILD)/%)
REPLAY_BIN := $(FUZZ_BIN:%=%_replay)
HELPER_BIN := $(HELPER_SRC:%.c=$(BUILD)/%)
LIB       := $(BUILD)/libtandem.a
PROGRAMS  := $(BUILD)/tandemfs $(BUILD)/tandemctl $(BUILD)/tandem-sim

.PHONY: all help deps deps-check demo demo-stop check check-asan check-tsan unit e2e crash bench lint fuzz install clean

all: $(PROGRAMS)

help:
	@sed -n 's/^## //p' Makefile

# ---- building --------------------------------------------------------------------------------

# `make V=1` shows the commands.
Q := $(if $(V),,@)

# What is not shipped is built quicker.
$(BUILD)/tests/%.o: OPT = -O1 -g

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC  $<")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/tandemfs: $(BUILD)/fs/main.o $(LIB)
	$(if $(V),,@echo "  LD  $@")
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/tandemctl: $(BUILD)/fs/tandemctl.o $(LIB)
	$(if $(V),,@echo "  LD  $@")
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# The same program, with steps at which a test can have it kill itself.
$(BUILD)/tandemfs-steps: $(BUILD)/fs/main.o $(BUILD)/tests/crash/steps.o $(LIB)
	$(if $(V),,@echo "  LD  $@")
	$(Q)$(CC) $(LDFLAGS) -Wl,--wrap=store_begin_as,--wrap=store_commit,--wrap=http_send -o $@ \
		$^ $(PKG_LIBS)

SIM_LIB_OBJ := $(BUILD)/sync/error.o $(BUILD)/sync/mem.o $(BUILD)/sync/buf.o
$(BUILD)/tandem-sim: $(SIM_OBJ) $(SIM_LIB_OBJ)
	$(if $(V),,@echo "  LD  $@")
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(SIM_LIBS)

$(UNIT_BIN): $(BUILD)/%: $(BUILD)/%.o $(LIB)
	$(if $(V),,@echo "  LD  $@")
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) $(TEST_LIBS)

$(BENCH_BIN) $(HELPER_BIN): $(BUILD)/%: $(BUILD)/%.o $(LIB)
	$(if $(V),,@echo "  LD  $@")
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- the two commands of README ----------------------------------------------------------------

## make demo        installs what is missing, builds, mounts a simulated company, plays a tour
demo: deps
	@$(MAKE) --no-print-directory -j2 all
	@tests/tools/demo start $(BUILD)

## make demo-stop   unmounts the demo and ends its processes
demo-stop:
	@tests/tools/demo stop $(BUILD)

## make check       installs what is missing, builds, runs all tests
check: deps-check
	@$(MAKE) --no-print-directory -j2 all unit-programs $(BUILD)/tandemfs-steps
	@$(MAKE) --no-print-directory unit e2e

## make check-asan  the tests under AddressSanitizer, UBSan and leak detection
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
check-asan: deps-check
	@$(MAKE) --no-print-directory -j2 BUILD=build-asan OPT="-O1 -g" SAN="$(SANITIZE)" \
		all unit-programs build-asan/tandemfs-steps
	@$(MAKE) --no-print-directory BUILD=build-asan OPT="-O1 -g" SAN="$(SANITIZE)" unit e2e

## make check-tsan  the tests under ThreadSanitizer, which tells data races and lock-order inversions
TSAN := -fsanitize=thread -fno-omit-frame-pointer
check-tsan: deps-check
	@$(MAKE) --no-print-directory -j2 BUILD=build-tsan OPT="-O1 -g" SAN="$(TSAN)" \
		all unit-programs build-tsan/tandemfs-steps
	@TSAN_OPTIONS=second_deadlock_stack=1 \
		$(MAKE) --no-print-directory BUILD=build-tsan OPT="-O1 -g" SAN="$(TSAN)" unit e2e

.PHONY: unit-programs
unit-programs: $(UNIT_BIN) $(REPLAY_BIN)

# What the tests and the programs exchange is recorded where a schema is there to judge it at the end.
SCHEMA := $(wildcard $(or $(TANDEM_SHARED),../shared)/ews-schema/validate)
RECORDED := $(abspath $(BUILD))/recorded

unit: $(UNIT_BIN) $(REPLAY_BIN)
	@rm -rf $(RECORDED)/unit && mkdir -p $(RECORDED)/unit
	@$(if $(SCHEMA),TANDEM_RECORD=$(RECORDED)/unit) tests/tools/unit $(UNIT_BIN) $(REPLAY_BIN)

e2e: all $(BUILD)/tandemfs-steps $(HELPER_BIN) tests/e2e/node_modules/.package-lock.json
	@rm -rf $(RECORDED)/e2e && mkdir -p $(RECORDED)/e2e
	@$(if $(SCHEMA),TANDEM_RECORD=$(RECORDED)/e2e) tests/tools/e2e $(BUILD) $(JOBS) $(PYTEST_ARGS)
	@tests/tools/validate-recorded $(RECORDED) $(if $(PYTEST_ARGS),partial)

## make crash       every crash scenario, killed at every step and cut off at every write request
EVERY ?= 1
crash: all $(BUILD)/tandemfs-steps
	@tests/tools/crash $(BUILD) $(JOBS) $(EVERY) $(SCENARIO)

tests/e2e/node_modules/.package-lock.json: tests/e2e/package-lock.json
	cd tests/e2e && npm ci --no-fund --no-audit --silent && touch node_modules/.package-lock.json

deps:
	@tests/tools/deps build

deps-check:
	@tests/tools/deps check

# ---- beside the tests --------------------------------------------------------------------------

## make lint        clang-format, banned functions, include directions, cppcheck, clang-tidy
lint: deps-check
	@tests/tools/lint

## make bench       measurements: the store, and the read path against the floor of FUSE
bench: all $(BENCH_BIN)
	@tests/tools/bench $(BUILD)

## make power-cuts N=100   so many power cuts under the store, on a disk that keeps what was synced
power-cuts: N = 100
power-cuts: $(BUILD)/tests/unit/sync/power_test
	TANDEM_POWER_CUTS=$(N) $<

## make kills N=1000   so many random kill -9 while three mailboxes are written to and synced
kills: N = 1000
kills: all
	@cd tests/e2e && TANDEM_BUILD=$(abspath $(BUILD)) TANDEM_KILLS=$(N) \
		/usr/bin/python3 -m pytest -q -p no:cacheprovider test_kills.py

## make fuzz T=30   every fuzzer for T seconds, JOBS=2 at a time
T ?= 30
fuzz: JOBS = 2
fuzz: fuzz-build
	@tests/tools/fuzz $(T) $(JOBS) $(FUZZ_SRC:%.c=build-fuzz/%)

fuzz-build: deps-check
	@$(MAKE) --no-print-directory -j2 BUILD=build-fuzz CC=clang OPT="-O1 -g" \
		SAN="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined" \
		fuzz-programs

.PHONY: fuzz-build fuzz-programs power-cuts kills
fuzz-programs: $(FUZZ_BIN)

$(FUZZ_BIN): $(BUILD)/%: $(BUILD)/%.o $(LIB)
	$(if $(V),,@echo "  LD  $@")
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS)

# The same over the inputs of tests/fuzz/corpus alone, with any compiler: a part of `make unit`.
$(REPLAY_BIN): $(BUILD)/%_replay: $(BUILD)/%.o $(BUILD)/tests/fuzz/replay_main.o $(LIB)
	$(if $(V),,@echo "  LD  $@")
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

## make model N=2000  so many random programs of edits, faults and crashes; SEED=1 plays others
model: N = 2000
SEED ?= 1
.PHONY: model
model: deps-check all
	@TANDEM_MODEL=$(N) TANDEM_MODEL_SEED=$(SEED) tests/tools/e2e $(BUILD) $(JOBS) \
		test_model.py -k random

## make bugs        puts each deliberate bug of tests/bugs into a copy: the model test must see it
.PHONY: bugs
bugs: deps-check
	@tests/tools/bugs build-bugs $(BUGS)

## make install     into DESTDIR and PREFIX
install: all
	install -D -t $(DESTDIR)$(PREFIX)/bin $(BUILD)/tandemctl
	install -D -t $(DESTDIR)$(PREFIX)/sbin $(BUILD)/tandemfs
	install -d $(DESTDIR)$(PREFIX)/sbin
	ln -sf tandemfs $(DESTDIR)$(PREFIX)/sbin/mount.fuse.tandemfs
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 docs/man/tandemctl.1
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 docs/man/tandemfs.8
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/tandemfs README.md LICENSE CHANGELOG.md
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/tandemfs/docs docs/*.md

clean:
	rm -rf build build-asan build-tsan build-bugs build-fuzz

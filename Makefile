# One build, no recursion.  `make help` lists the targets.

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
OPT     ?= -O2 -g
SAN     ?=

PKGS := fuse3 libcurl libxml-2.0 sqlite3 jansson libical icu-i18n icu-uc inih gmime-3.0 \
	libcrypto libsystemd
SIM_PKGS  := libmicrohttpd libxml-2.0 jansson libcrypto zlib
TEST_PKGS := cmocka

WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wvla -Werror
CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFUSE_USE_VERSION=314 -I.
CFLAGS += -std=gnu11 $(OPT) $(WARN) $(SAN) -fstack-protector-strong -pthread
LDFLAGS += $(SAN) -pthread
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) $(SIM_PKGS) $(TEST_PKGS) 2>/dev/null)
PKG_LIBS   = $(shell pkg-config --libs $(PKGS)) -lm

PROGRAM_MAINS := fs/main.c fs/tandemctl.c
LIB_SRC   := $(filter-out $(PROGRAM_MAINS),$(wildcard fs/*.c sync/*.c sync/*/*.c ews/*.c crm/*.c \
	mountopts/*.c))
SIM_SRC   := $(wildcard tests/sim/*.c)
UNIT_SRC  := $(wildcard tests/unit/*_test.c tests/unit/*/*_test.c tests/unit/*/*/*_test.c)
BENCH_SRC := $(wildcard tests/bench/*.c)

LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o)
SIM_OBJ  := $(SIM_SRC:%.c=$(BUILD)/%.o)
UNIT_BIN := $(UNIT_SRC:%.c=$(BUILD)/%)
BENCH_BIN := $(BENCH_SRC:%.c=$(BUILD)/%)
LIB      := $(BUILD)/libtandem.a
PROGRAMS := $(BUILD)/tandemfs $(BUILD)/tandemctl $(BUILD)/tandem-sim

.PHONY: all
all: $(PROGRAMS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/tandemfs: $(BUILD)/fs/main.o $(LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/tandemctl: $(BUILD)/fs/tandemctl.o $(LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

SIM_LIB_OBJ := $(BUILD)/sync/error.o $(BUILD)/sync/mem.o $(BUILD)/sync/buf.o
$(BUILD)/tandem-sim: $(SIM_OBJ) $(SIM_LIB_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(SIM_PKGS)) -lm

$(UNIT_BIN): $(BUILD)/%: $(BUILD)/%.o $(LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) $(shell pkg-config --libs $(TEST_PKGS))

$(BENCH_BIN): $(BUILD)/%: $(BUILD)/%.o $(LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

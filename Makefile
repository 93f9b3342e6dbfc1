# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each target does all that it needs, from installing packages on, and nothing
# that is done already. "make help" lists them. All results are in build/.

BUILD := build
LINUX := $(BUILD)/linux
IMAGE := $(BUILD)/Image
GUEST_IMAGE := $(BUILD)/guest/Image
FRAGMENTS := $(addprefix base/config/,bench.config project.config selftest.config kunit.config kunit-project.config)
DEBUG_IMAGE := $(BUILD)/debug/Image
FUZZ_IMAGE := $(BUILD)/fuzz/Image
COVERAGE_IMAGE := $(BUILD)/coverage/Image
SELFTESTS := $(BUILD)/selftests
# Suites of "make test", for example: make test SUITES="model kunit"
SUITES ?=
# Other kernels for "make guest-test": the host's and the guests'
KERNEL ?=
GUEST_KERNEL ?=
# The second kernel of "make bench", what it measures, and whether to keep the figures
KERNEL2 ?=
PATHS ?=
SAVE ?=
BENCH_FRAGMENTS := $(addprefix base/config/,bench.config project.config dma.config)
BENCH_IMAGE := $(BUILD)/bench/Image
BENCH_STOCK := $(BUILD)/bench/stock/Image
# Whether it has to tell who waits for which lock, too
LOCKS ?=
BENCH_LOCKS := $(BUILD)/bench/locks/Image
# Extra options of grace-vm, for example: make demo VM="--kernel my/Image"
VM ?=
# A kernel source tree for "make series"
TREE ?=
# What of "make series-check"
STEPS ?=
# Who signs it, "Name <address>"
SIGNOFF ?=
export SIGNOFF
# Configuration of "make deb", and other settings of base/deb.sh
DEB_CONFIG ?= debian
DEB_DIR := $(if $(filter debian,$(DEB_CONFIG)),deb,deb-$(DEB_CONFIG))

FUZZ_SECONDS ?= 60
# "make fuzz-ioctl": for how long, two hours in all if nobody says; programs to run
# instead, how often, and on which of "mock" and "unit"
FUZZ_IOCTL_SECONDS = $(if $(filter file default undefined,$(origin FUZZ_SECONDS)),3600,$(FUZZ_SECONDS))
REPLAY ?=
TIMES ?= 50
TARGET ?= both
# Of "make soak": how many commands of hostile VMs, and where random decisions come from
COMMANDS ?= 100000000
SEED ?=

# The parts share the machine's cores themselves.
.NOTPARALLEL:
.PHONY: help demo guest-test bench soak test test-debug coverage figures check base-check fuzz fuzz-ioctl shell tree kernel \
	kernel-bench kernel-locks kernel-debug kernel-fuzz kernel-coverage kernel-guest emulator rootfs vmm selftests stock docs docs-all packages \
	packages-test series series-check deb deb-small clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))

## make demo        the main job: builds the board, gives VMs their own queues, shows it
## make guest-test  a real guest: the board's own QEMU boots a UEFI guest that owns its queues and
##                  uses a disk; KERNEL=IMAGE and GUEST_KERNEL=IMAGE are other kernels for it
## make bench       what each path takes, in instructions on the board, against the stored figures;
##                  KERNEL=IMAGE measures another kernel, KERNEL2=IMAGE a second one beside it,
##                  PATHS="..." some paths only; LOCKS=1 which locks VMMs wait for, on one
##                  more kernel; SAVE=1 stores the figures
## make test        all tests; one summary line a suite, details in build/test/*.tap
## make test-debug  the tests of the board on a kernel with KASAN, lockdep, UBSAN, kmemleak and more;
##                  any report fails it; details in build/debug/test/*.tap
## make soak        15 VMs on all 128 queues, most of them hostile and killed at any time, for an hour or
##                  so: until COMMANDS=100000000 commands have reached the SMMU, each judged by an
##                  oracle in the emulator; SEED=NUMBER; figures in build/soak
## make coverage    lines and branches that the tests execute, of the model and of the kernel files: a table by
##                  file in build/coverage/table, sources with counts in build/coverage/annotated
## make figures     the figures of the page on isolation, of what the tests have printed (build/**/*.tap)
## make check       what is checked without running it: checkpatch, sparse, W=1, kernel-doc, pages, ABI,
##                  shellcheck; the drivers with their options on and off, the iommufd core on
##                  other architectures; the hooks on each 6.12.y
## make docs        the pages of Documentation/ as HTML in build/docs, made as the kernel makes its own;
##                  docs-all: in build/docs-all with all of the kernel's own, in an hour
## make shell       a shell on the emulated board
## make fuzz        fuzzes the CMDQV model, then cmdqv-info (FUZZ_SECONDS=60 each)
## make fuzz-ioctl  fuzzes iommufd's user ABI on a kernel with all that test-debug has and KCOV, on the
##                  mock driver and, beside it, on the unit (FUZZ_SECONDS=3600); what it leaves is in
##                  build/fuzz; REPLAY=FILE TARGET=mock|unit runs programs that it left
##
## make series      build/series/*.patch, the project as a patch series for "git am"; for the
##                  6.12.y of LINUX_VERSION or of the clean tree in TREE=DIRECTORY;
##                  SIGNOFF="Name <address>" signs it
## make series-check  the kernel after each step of it, with IOMMUFD=n, m and y: compiler, linker,
##                  sparse; and the whole of it built and booted for each 6.12.y that apt offers.
##                  Takes hours; make test has the short version. STEPS="steps 40" or "versions"
## make deb         build/deb/*.deb, Debian packages for arm64 hosts and guests: the kernel in Debian's
##                  configuration (hours, 30 GB; DEB_DEBUG_INFO=n: without BTF, half of it), its
##                  headers, the uAPI header, selftests and tools; DEB_CONFIG=small: the board's
##                  kernel instead, in build/deb-small
##
## make tree        build/linux, the kernel source with the project in it
## make kernel      build/Image
## make kernel-guest  build/guest/Image, the kernel of guests
## make emulator    build/qemu-system-aarch64
## make rootfs      build/rootfs/ and build/rootfs.cpio.gz
## make vmm         build/vmm.cpio, Debian's QEMU for arm64 that goes over the rootfs, and an
##                  older one in build/vmm-trixie.cpio
## make selftests   build/selftests/, static programs for the board, and the same installed the
##                  kselftest way in build/selftests/kselftest (run_kselftest.sh)
## make stock       build/stock/Image, Debian's kernel as it is with the same configuration
## make clean       removes build/; downloads and stock parts stay in the cache

demo: packages kernel emulator rootfs selftests
	@base/demo.sh $(VM)

guest-test: packages $(if $(KERNEL),,kernel) $(if $(GUEST_KERNEL),,kernel-guest) emulator rootfs vmm selftests
	@base/guest-test.sh "$(KERNEL)" "$(GUEST_KERNEL)"

bench: packages $(if $(KERNEL),,kernel-bench) $(if $(LOCKS),kernel-locks) kernel-guest emulator rootfs vmm selftests
	@base/apt.sh install bench
	@base/kernel.sh stock $(BENCH_STOCK) "" base/config/bench.config base/config/dma.config
	@[ -z "$(KERNEL)" ] || [ -z "$(SAVE)" ] || { echo "SAVE=1 is for this project's own kernel"; exit 1; }
	@base/bench.sh programs $(LINUX) $(BUILD)/obj $(SELFTESTS) $(BUILD)/bench
	@PATHS="$(PATHS)" SAVE="$(SAVE)" STOCK_IMAGE=$(BENCH_STOCK) LOCKS_IMAGE=$(if $(LOCKS),$(BENCH_LOCKS)) \
		base/bench.sh run $(BUILD)/bench "$(or $(KERNEL),$(BENCH_IMAGE))" $(KERNEL2)

soak: packages kernel emulator rootfs selftests
	@COMMANDS=$(COMMANDS) SEED=$(SEED) base/soak.sh $(BUILD)/soak $(IMAGE) $(SELFTESTS)

test: packages-test kernel kernel-guest emulator rootfs vmm selftests stock $(if $(or $(filter deb,$(SUITES)),$(if $(SUITES),,y)),deb-small)
	@base/test.sh $(SUITES)

test-debug: packages-test kernel-debug kernel-guest emulator rootfs vmm selftests
	@base/test.sh --debug $(SUITES)

coverage: packages-test kernel-coverage emulator rootfs selftests
	@base/coverage.sh model $(BUILD)/coverage
	@base/coverage.sh run $(SELFTESTS) $(BUILD)/obj-coverage $(BUILD)/coverage $(SUITES)

figures:
	@base/figures.py

check: packages-test tree
	@base/test.sh static docs abi base configs

base-check:
	@base/apt.sh install tree
	@base/base-check.sh

docs: tree
	@base/apt.sh install tree docs
	@base/docs.sh $(LINUX) $(BUILD)/obj-docs $(BUILD)/docs

docs-all: tree
	@base/apt.sh install tree docs docs-all
	@base/docs.sh --all $(LINUX) $(BUILD)/obj-docs-all $(BUILD)/docs-all

fuzz: packages-test
	@$(MAKE) --no-print-directory -C emulator/model fuzz FUZZ_ARGS=-max_total_time=$(FUZZ_SECONDS)
	@$(MAKE) --no-print-directory -C tools/cmdqv O=$(CURDIR)/$(BUILD)/cmdqv fuzz FUZZ_ARGS=-max_total_time=$(FUZZ_SECONDS)

fuzz-ioctl: packages-test kernel-fuzz emulator rootfs selftests
	@FUZZ_SECONDS=$(FUZZ_IOCTL_SECONDS) REPLAY="$(REPLAY)" TIMES=$(TIMES) TARGET=$(TARGET) \
		base/fuzz.sh run $(FUZZ_IMAGE) $(BUILD)/fuzz/obj $(SELFTESTS) $(BUILD)/fuzz

shell: packages kernel emulator rootfs selftests
	@emulator/grace-vm shell --share $(SELFTESTS) $(VM)

series:
	@base/apt.sh install tree
	@base/series.sh generate $(BUILD)/series "$(TREE)"

series-check: packages-test emulator rootfs selftests
	@base/series-check.sh $(STEPS)

deb: selftests
	@base/apt.sh install tree kernel deb
	@DEB_CONFIG=$(DEB_CONFIG) base/deb.sh build $(LINUX) $(BUILD)/obj-$(DEB_DIR) $(SELFTESTS)/kselftest $(BUILD)/$(DEB_DIR)

# What the suite "deb" tests
deb-small:
	@$(MAKE) --no-print-directory deb DEB_CONFIG=small

tree:
	@base/apt.sh install tree
	@base/tree.sh $(LINUX)

kernel: tree
	@base/apt.sh install tree kernel
	@base/kernel.sh build $(LINUX) $(BUILD)/obj $(IMAGE) $(FRAGMENTS)

# What is measured has nothing in it that is for tests only.
kernel-bench: tree
	@base/apt.sh install tree kernel
	@base/kernel.sh build $(LINUX) $(BUILD)/obj-bench $(BENCH_IMAGE) $(BENCH_FRAGMENTS)

kernel-locks: tree
	@base/apt.sh install tree kernel
	@base/kernel.sh build $(LINUX) $(BUILD)/obj-locks $(BENCH_LOCKS) \
		$(addprefix base/config/,bench.config project.config locks.config)

kernel-debug: tree
	@base/apt.sh install tree kernel
	@base/kernel.sh build $(LINUX) $(BUILD)/debug/obj $(DEBUG_IMAGE) $(FRAGMENTS) base/config/debug.config

kernel-fuzz: tree
	@base/apt.sh install tree kernel
	@base/fuzz.sh build $(LINUX) $(BUILD)/fuzz/obj $(FUZZ_IMAGE) $(FRAGMENTS) \
		base/config/debug.config base/config/fuzz.config

# Objects beside those of the board's kernel, so that what is the same is not compiled
# again: to the compiler cache the same relative paths.
kernel-guest: tree
	@base/apt.sh install tree kernel
	@base/kernel.sh build $(LINUX) $(BUILD)/obj-guest $(GUEST_IMAGE) base/config/guest.config

kernel-coverage: tree
	@base/apt.sh install tree kernel
	@base/coverage.sh build $(LINUX) $(BUILD)/obj-coverage $(COVERAGE_IMAGE) $(FRAGMENTS) base/config/coverage.config

stock:
	@base/apt.sh install tree kernel
	@base/kernel.sh stock $(BUILD)/stock/Image

emulator:
	@base/apt.sh install emulator
	@emulator/qemu/build.sh $(BUILD)/qemu-system-aarch64

rootfs:
	@base/apt.sh install rootfs
	@base/rootfs.sh $(BUILD)/rootfs $(BUILD)/rootfs.cpio.gz

vmm:
	@base/apt.sh install vmm
	@base/vmm-rootfs.sh $(BUILD)/vmm.cpio
	@base/vmm-rootfs.sh $(BUILD)/vmm-trixie.cpio trixie

selftests: tree
	@base/apt.sh install tree kernel
	@base/selftests.sh $(LINUX) $(BUILD)/obj $(SELFTESTS)

# All at once and first: nobody should be told of a missing package in the middle.
packages:
	@base/apt.sh install tree kernel emulator rootfs vmm

packages-test:
	@base/apt.sh install tree kernel emulator rootfs vmm docs deb check

clean:
	rm -rf $(BUILD)

# SPDX-License-Identifier: GPL-2.0
# Everything is done by scripts/run, in a build environment that it sets up.

export ARCH ?= x86_64
export PAGES
RUN := scripts/run

.DEFAULT_GOAL := help

help:
	@echo 'make demo              set everything up; checkpoint real programs, power off, restart them'
	@echo 'make demo-live         servers on one guest, their clients on another: power off, boot, restart, move'
	@echo 'make test [T=name]     set everything up; all tests, or one (a selftest, host, check, kunit, tools, ...)'
	@echo 'make test-programs     node, java, erlang, gdb, strace, sqlite and others, saved by one boot, restarted by the next'
	@echo 'make soak              10,000 rounds of checkpoint and restart with somebody who interferes; each'
	@echo '                       allocation fails once (CKPT_ROUNDS=n, CKPT_NTH=n: less)'
	@echo 'make fuzz-guest        1,000,000 mutated images through restart(2) (CKPT_MUTATIONS=n, CKPT_SEED=n)'
	@echo 'make check             what the sources alone tell: formatting, layers, spelling, documents, ...'
	@echo 'make bench [SCALE=1]   measure checkpoint and restart beside CRIU; how they grow: up to 10,000 tasks'
	@echo '                       (README=1: puts the table into README, too)'
	@echo 'make record            record README'"'"'s first screen anew: a checkpoint, a power-off, a restart'
	@echo 'make shell             the prompt of a guest with the tools installed'
	@echo 'make kernel            build the kernel; says where the image is (FLAVOUR=debug: the one of make test)'
	@echo 'make apply KDIR=path   lay this repository over a Linux 7.3.y tree'
	@echo 'make patches           take edits made in the built tree back into patches/ and the files here'
	@echo 'make series            write what a mailing list would get to out/series: cover letter, patches'
	@echo '                       (KDIR=path: a git tree of Linux 7.3.y, whose commit is named as the base;'
	@echo '                       BUILD=1: compiles after each mail what the series changes)'
	@echo 'make clean             forget what was built, for all checkouts; "make distclean" the whole cache'
	@echo
	@echo 'ARCH=$(ARCH)  (there is: $(basename $(notdir $(wildcard scripts/arch/*.conf))); make test: all)'
	@echo 'FULL=1  all tests on the other architectures too, not only those that may differ there'
	@echo 'PAGES=size  the other size of pages: 64k for arm64, 4k for powerpc'
	@echo 'JOBS=n  processes at a time     DEBIAN_MIRROR=url  where Debian comes from'
	@echo 'LCR_ACCEL=tcg|kvm  how guests run; by default KVM where a trial boot succeeds'

FLAVOUR ?= demo

demo:
	@$(RUN) $@

demo-live:
	@$(RUN) $@

check:
	@$(RUN) check $(T)

record:
	@$(RUN) record

bench:
	@$(RUN) bench -- $(if $(SCALE),--scale) $(if $(README),--readme)

test:
	@$(RUN) test $(T)

test-programs:
	@$(RUN) test programs

soak: export CKPT_ROUNDS ?= 10000
soak: export CKPT_NTH ?= 0
fuzz-guest: export CKPT_MUTATIONS ?= 1000000
fuzz-guest: export CKPT_SEED ?= $(shell date +%s)
soak fuzz-guest: export LCR_LIMIT ?= 1000000

soak:
	@$(RUN) test soak
	@$(RUN) test failnth

fuzz-guest:
	@echo "CKPT_SEED=$$CKPT_SEED"
	@$(RUN) test mutate

kernel:
	@$(RUN) kernel --flavour $(FLAVOUR)

shell:
	@$(RUN) guest --flavour $(FLAVOUR)

apply:
	@test -n "$(KDIR)" || { echo 'error: say where: make apply KDIR=path' >&2; exit 1; }
	@KDIR="$(KDIR)" $(RUN) apply

patches:
	@$(RUN) patches

series:
	@KDIR="$(KDIR)" $(RUN) series $(if $(BUILD),--build)

clean distclean:
	@scripts/clean $@

.PHONY: help demo demo-live record check bench test test-programs soak fuzz-guest kernel shell apply patches series clean distclean

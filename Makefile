# SPDX-License-Identifier: GPL-2.0
# Everything is done by scripts/run, in a build environment that it sets up.

export ARCH ?= x86_64
export PAGES
RUN := scripts/run

.DEFAULT_GOAL := help

help:
	@echo 'make demo              set everything up; checkpoint real programs, power off, restart them'
	@echo 'make test [T=name]     set everything up; all tests, or one (a selftest, host, kunit)'
	@echo 'make bench [SCALE=1]   measure checkpoint and restart; how they grow: up to 10,000 tasks'
	@echo 'make shell             the prompt of a guest with the tools installed'
	@echo 'make kernel            build the kernel; says where the image is (FLAVOUR=debug: the one of make test)'
	@echo 'make apply KDIR=path   lay this repository over a Linux 7.3.y tree'
	@echo 'make patches           take edits made in the built tree back into patches/ and the files here'
	@echo 'make clean             forget what was built, for all checkouts; "make distclean" the whole cache'
	@echo
	@echo 'ARCH=$(ARCH)  (there is: $(basename $(notdir $(wildcard scripts/arch/*.conf))); make test: all)'
	@echo 'PAGES=size  the other size of pages: 64k for arm64, 4k for powerpc'
	@echo 'JOBS=n  processes at a time     DEBIAN_MIRROR=url  where Debian comes from'
	@echo 'LCR_ACCEL=tcg|kvm  how guests run; by default KVM where a trial boot succeeds'

FLAVOUR ?= demo

demo:
	@$(RUN) $@

bench:
	@$(RUN) bench -- $(if $(SCALE),--scale)

test:
	@$(RUN) test $(T)

kernel:
	@$(RUN) kernel --flavour $(FLAVOUR)

shell:
	@$(RUN) guest --flavour $(FLAVOUR)

apply:
	@test -n "$(KDIR)" || { echo 'error: say where: make apply KDIR=path' >&2; exit 1; }
	@KDIR="$(KDIR)" $(RUN) apply

patches:
	@$(RUN) patches

clean distclean:
	@scripts/clean $@

.PHONY: help demo bench test kernel shell apply patches clean distclean

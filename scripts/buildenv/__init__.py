# SPDX-License-Identifier: GPL-2.0
"""Builds, boots and tests the kernel. Runs inside the build environment."""

// SPDX-License-Identifier: GPL-2.0

//! What makes an image valid.

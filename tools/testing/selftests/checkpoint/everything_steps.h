/* SPDX-License-Identifier: GPL-2.0 */
/* Where the parts of everything.h meet on the board. */
#ifndef CKPT_TEST_EVERYTHING_STEPS_H
#define CKPT_TEST_EVERYTHING_STEPS_H

#include "common.h"

/* Steps of the board that count who is ready, and its values that are used. */
#define E_READY		40
#define E_VFORKED	41
#define E_SHARED_IS	42
#define E_NET_IS	43
#define E_MET		44
#define E_STEPS		48		/* From here on they are the test's own. */
#define E_VALUE		100		/* Some from here on. */
#define E_PORT		120

#define E_TEXT		"something of everything"

#endif

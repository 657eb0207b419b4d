/* SPDX-License-Identifier: GPL-2.0 */
/* The header of the program that this is compiled for. */
#ifdef __i386__
#include "../program_ia32/ia32.h"
#else
#include "../program_aarch32/aarch32.h"
#endif

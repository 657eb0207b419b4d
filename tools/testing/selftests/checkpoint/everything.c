// SPDX-License-Identifier: GPL-2.0
/*
 * The parts of everything.h, each by itself and all together: that they come back as they are, before
 * failnth and mutate look at what becomes of them when something fails or an image is hostile.
 */
#include "everything.h"

FIXTURE(cr) { long huge; };
FIXTURE_VARIANT(cr) { bool container, arch; };
FIXTURE_VARIANT_ADD(cr, container) { .container = true };
FIXTURE_VARIANT_ADD(cr, subtree) { .container = false };

FIXTURE_SETUP(cr)
{
	self->huge = -1;
	CKPT_BEGIN();
	e_huge_begin(&self->huge);
}

FIXTURE_TEARDOWN(cr)
{
	e_huge_end(self->huge);
}

CKPT_CYCLE(files)
{
	everything(E_FILES | E_WATCHES);
}

CKPT_CYCLE(memory)
{
	everything(E_MEMORY | E_HUGE);
}

CKPT_CYCLE(tasks)
{
	everything(E_SIGNALS | E_THREADS | E_FAMILY | E_SESSIONS | E_USERS);
}

CKPT_CYCLE(traced)
{
	everything(E_TRACED | E_SHARED);
}

CKPT_CYCLE(namespaces, .flags = SC_CONTAINER)
{
	everything(E_NESTED | E_IPC);
}

CKPT_CYCLE(objects)
{
	everything(E_OBJECTS);
}

CKPT_CYCLE(requests)
{
	everything(E_REQUESTS);
}

CKPT_CYCLE(timers)
{
	everything(E_TIMERS);
}

CKPT_CYCLE(sockets)
{
	everything(E_SOCKETS);
}

CKPT_CYCLE(packets)
{
	everything(E_PACKETS);
}

CKPT_CYCLE(network)
{
	everything(E_NETWORK);
}

CKPT_CYCLE(outside, .before = e_reach)
{
	everything(E_OUTSIDE);
}

CKPT_CYCLE(all, .flags = SC_CONTAINER, .before = e_reach)
{
	everything(E_ALL | E_NETWORK | E_OUTSIDE);
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * The build id of the kernel.
 */
#include <linux/buildid.h>
#include <linux/checkpoint.h>
#include <linux/string.h>

#include "notes.h"

/**
 * checkpoint_build_id() - tell the build id of the kernel
 * @id: BUILD_ID_SIZE_MAX bytes, which are zero then if it has none
 */
void checkpoint_build_id(unsigned char *id)
{
	memset(id, 0, BUILD_ID_SIZE_MAX);
	/* What is wrong with the notes is that there is no id among them. */
	build_id_parse_buf(&__start_notes, id, &__stop_notes - &__start_notes);
}

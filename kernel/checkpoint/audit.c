// SPDX-License-Identifier: GPL-2.0
/*
 * Records for audit: who has saved and who has restarted what.
 */
#include <linux/audit.h>
#include <linux/checkpoint_security.h>
#include <linux/gfp.h>

/**
 * checkpoint_audit() - log a call of checkpoint(2) or restart(2)
 * @restart: it was restart(2)
 * @pid: the root task, its pid in the initial pid namespace; 0: it is not known
 * @id: the image, by the id of its checkpoint; 0: there is none, or it is not known
 * @flags: flags of the call
 * @ret: what the call returns
 *
 * Logged is what all records of this kind have of the caller, with its label, and
 * then the rest.  May sleep.
 */
void checkpoint_audit(bool restart, u32 pid, u64 id, u64 flags, long ret)
{
	struct audit_buffer *ab;

	if (!audit_enabled)
		return;
	ab = audit_log_start(audit_context(), GFP_KERNEL,
			     restart ? AUDIT_RESTART : AUDIT_CHECKPOINT);
	if (!ab)
		return;
	audit_log_format(ab, "op=%s", restart ? "restart" : "checkpoint");
	audit_log_task_info(ab);
	audit_log_format(ab, " root=%u image=%llu flags=0x%llx exit=%ld res=%d", pid, id, flags,
			 ret, ret >= 0);
	audit_log_end(ab);
}

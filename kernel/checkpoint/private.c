// SPDX-License-Identifier: GPL-2.0
/*
 * What the Rust side uses of headers that are private to fs/, ipc/, mm/ and
 * kernel/futex/: those headers do not become bindings for all of Rust. Each
 * function is the one that a system call ends in, with its checks.
 */
#include <linux/build_bug.h>
#include <linux/capability.h>
#include <linux/cgroup.h>
#include <linux/buildid.h>
#include <linux/checkpoint.h>
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/fdtable.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/eventpoll.h>
#include <linux/ipc.h>
#include <linux/ipc_namespace.h>
#include <linux/kernfs.h>
#include <linux/kdev_t.h>
#include <linux/major.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/pid.h>
#include <linux/posix_acl.h>
#include <linux/security.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/syscalls.h>
#include <linux/task_work.h>
#include <linux/utsname.h>
#include <linux/xattr.h>
#include <linux/timerfd.h>
#include <uapi/linux/memfd.h>
#include <uapi/linux/magic.h>

#include "../../fs/fuse/fuse_i.h"
#include "../../fs/internal.h"
#include "../../fs/mount.h"
#include "../../ipc/util.h"
#include "../../mm/internal.h"
#include "../futex/futex.h"
#include "notes.h"

/**
 * checkpoint_open_program() - open a file as exec(2) does
 * @path: what to open
 *
 * The flags are those of do_open_execat(). May sleep, even for long.
 *
 * Return: the file, or an error pointer.
 */
struct file *checkpoint_open_program(const struct path *path)
{
	const struct open_flags op = {
		.open_flag = O_LARGEFILE | O_RDONLY | __FMODE_EXEC,
		.acc_mode = MAY_EXEC,
		.intent = LOOKUP_OPEN,
	};

	return do_file_open_root(path, "", &op);
}

/**
 * checkpoint_truncate() - cut a file, as ftruncate64(2) does
 * @file: the file
 * @len: bytes that are left
 *
 * Return: 0, or an errno.
 */
int checkpoint_truncate(struct file *file, loff_t len)
{
	return do_ftruncate(file, len, FTRUNCATE_LFS);
}

/**
 * checkpoint_set_status_flags() - set the flags of an open file, as F_SETFL does
 * @file: the file
 * @fd: what its signals name as its descriptor, if O_ASYNC is to be set
 * @flags: all of them
 *
 * Return: 0, or an errno.
 */
int checkpoint_set_status_flags(struct file *file, int fd, unsigned int flags)
{
	return setfl(fd, file, flags);
}

/**
 * checkpoint_get_fown() - read who gets the signals of an open file
 * @file: the file
 * @fown: set to it; a pid in it comes with a reference
 *
 * Return: whether that was ever set.
 */
bool checkpoint_get_fown(struct file *file, struct checkpoint_fown *fown)
{
	struct fown_struct *from = file_f_owner(file);

	if (!from)
		return false;
	read_lock_irq(&from->lock);
	fown->pid = get_pid(from->pid);
	fown->type = from->pid_type;
	fown->signum = READ_ONCE(from->signum);
	fown->uid = from->uid;
	fown->euid = from->euid;
	read_unlock_irq(&from->lock);
	return true;
}

/**
 * checkpoint_set_fown() - set who gets the signals of an open file
 * @file: the file
 * @pid: who; NULL: nobody
 * @type: what that is the pid of
 * @signum: with what, as F_SETSIG
 *
 * As F_SETOWN_EX, with the user ids of the current credentials; without @pid
 * those stay that there are.
 *
 * Return: 0, or an errno.
 */
int checkpoint_set_fown(struct file *file, struct pid *pid, unsigned int type, int signum)
{
	int ret;

	if (!valid_signal(signum) || type > PIDTYPE_PGID)
		return -EINVAL;
	ret = file_f_owner_allocate(file);
	if (ret)
		return ret;
	__f_setown(file, pid, type, 1);
	WRITE_ONCE(file_f_owner(file)->signum, signum);
	return 0;
}

/**
 * checkpoint_async_fd() - find the descriptor that the signals of a file name
 * @file: an open file with O_ASYNC
 * @list: the list of those of its inode or driver
 *
 * Return: the number; -ENOENT: @file is not on the list.
 */
int checkpoint_async_fd(const struct file *file, struct fasync_struct **list)
{
	struct fasync_struct *fa;

	guard(rcu)();
	for (fa = READ_ONCE(*list); fa; fa = READ_ONCE(fa->fa_next)) {
		if (READ_ONCE(fa->fa_file) == file)
			return READ_ONCE(fa->fa_fd);
	}
	return -ENOENT;
}

/**
 * checkpoint_has_lock_ops() - tell whether a filesystem keeps locks by itself
 * @file: a file of it
 * @flock: those of flock(2), not those of fcntl(2)
 *
 * Return: whether it has an operation of its own for them.
 */
bool checkpoint_has_lock_ops(const struct file *file, bool flock)
{
	return flock ? file->f_op->flock : file->f_op->lock;
}

/**
 * checkpoint_may_have_locks() - may a file have locks that the kernel does not know?
 * @file: the file
 *
 * A server of FUSE that wants to keep locks is asked for them, and nobody else is
 * told of those that it has given.
 */
bool checkpoint_may_have_locks(struct file *file)
{
	struct inode *inode = file_inode(file);

	if (!IS_ENABLED(CONFIG_FUSE_FS) || inode->i_sb->s_magic != FUSE_SUPER_MAGIC)
		return false;
	if (!file->f_op->lock)
		return false;
	return !get_fuse_conn(inode)->no_lock ||
	       ((struct fuse_file *)file->private_data)->flock;
}

/**
 * checkpoint_lock_file() - lock a file for one who is not the current task
 * @file: the open file through which it is locked
 * @table: the owner of a POSIX lock; NULL: @file is the owner
 * @fd: descriptor of @file in @table
 * @type: F_RDLCK or F_WRLCK
 * @flock: as flock(2), not as F_SETLK and F_OFD_SETLK
 * @start: first byte
 * @end: last byte; OFFSET_MAX: however long the file becomes
 * @pid: the thread group that has taken the lock, in the initial pid namespace
 *
 * With the checks of these calls: the access that @file is open for, the
 * security modules, and that the owner of a POSIX lock has a descriptor of
 * @file, which releases the lock when it is closed. Does not wait for others.
 *
 * Return: 0, or an errno. -EAGAIN: there is a lock that conflicts.
 * -EOPNOTSUPP: the filesystem keeps locks by itself.
 */
int checkpoint_lock_file(struct file *file, struct files_struct *table, unsigned int fd,
			 int type, bool flock, loff_t start, loff_t end, pid_t pid)
{
	const fmode_t mode = type == F_RDLCK ? FMODE_READ : FMODE_WRITE;
	struct file_lock *fl;
	struct file *now;
	int ret;

	if (!(file->f_mode & (flock ? FMODE_READ | FMODE_WRITE : mode)))
		return -EBADF;
	if (checkpoint_has_lock_ops(file, flock))
		return -EOPNOTSUPP;
	ret = security_file_lock(file, type);
	if (ret)
		return ret;
	fl = locks_alloc_lock();
	if (!fl)
		return -ENOMEM;
	fl->c.flc_file = file;
	fl->c.flc_owner = table ?: (fl_owner_t)file;
	fl->c.flc_flags = flock ? FL_FLOCK : table ? FL_POSIX : FL_POSIX | FL_OFDLCK;
	fl->c.flc_type = type;
	fl->c.flc_pid = pid;
	fl->fl_start = start;
	fl->fl_end = end;
	ret = locks_lock_inode_wait(file_inode(file), fl);
	if (!ret && table) {
		/* As fcntl_setlk(), which tells why the spinlock. */
		spin_lock(&table->file_lock);
		now = files_lookup_fd_locked(table, fd);
		spin_unlock(&table->file_lock);
		if (now != file) {
			locks_remove_posix(file, table);
			ret = -EBADF;
		}
	}
	locks_free_lock(fl);
	return ret;
}

/**
 * checkpoint_set_lease() - take a lease or delegation for one who is not the current task
 * @file: what it is taken on; it is known who gets its signals
 * @deleg: as F_SETDELEG, not as F_SETLEASE
 * @fd: what the signal of its break names as the descriptor
 * @type: F_RDLCK or F_WRLCK
 * @pid: the thread group that has taken it, in the initial pid namespace
 *
 * With the checks of these calls, against the current credentials.
 *
 * Return: 0, or an errno. -EAGAIN: somebody has the file open, or its inode
 * locked for a moment; -EACCES: neither the file's owner nor CAP_LEASE.
 */
int checkpoint_set_lease(struct file *file, bool deleg, int fd, int type, pid_t pid)
{
	struct delegation d = { .d_type = type };
	struct file_lock_context *ctx;
	struct file_lease *fl;
	int ret;

	if (deleg)
		ret = fcntl_setdeleg(fd, file, &d);
	else
		ret = fcntl_setlease(fd, file, type);
	if (ret)
		return ret;
	ctx = locks_inode_context(file_inode(file));
	if (!ctx)
		return 0;
	/* Who has it is shown in /proc/locks: lease_init() notes the current process. */
	spin_lock(&ctx->flc_lock);
	list_for_each_entry(fl, &ctx->flc_lease, c.flc_list) {
		if (fl->c.flc_file == file)
			fl->c.flc_pid = pid;
	}
	spin_unlock(&ctx->flc_lock);
	return 0;
}

/**
 * checkpoint_fsync_leased() - bring a file to its disk that nobody else may open
 * @file: the file
 *
 * An error is left for the next fsync(2) of @file's owner.
 *
 * Return: 0, or an errno.
 */
int checkpoint_fsync_leased(struct file *file)
{
	errseq_t seen;
	int ret;

	spin_lock(&file->f_lock);
	seen = file->f_wb_err;
	spin_unlock(&file->f_lock);
	ret = vfs_fsync(file, 0);
	if (ret) {
		spin_lock(&file->f_lock);
		file->f_wb_err = seen;
		spin_unlock(&file->f_lock);
	}
	return ret;
}

/**
 * checkpoint_is_mounted_over() - tell whether another mount lies over a path
 * @path: the path
 *
 * Return: whether a lookup of @path would end on another mount.
 */
bool checkpoint_is_mounted_over(const struct path *path)
{
	struct vfsmount *over = lookup_mnt(path);

	if (!over)
		return false;
	mntput(over);
	return true;
}

/**
 * checkpoint_mount_of() - find a mount on which a directory entry lies
 * @dentry: the directory entry
 * @near: the mount to look at first; others are looked for in its mount namespace
 * @nth: how many mounts on which it lies are passed over
 *
 * Return: the mount, with a reference; NULL: there is no other.
 */
struct vfsmount *checkpoint_mount_of(struct dentry *dentry, struct vfsmount *near,
				     unsigned int nth)
{
	const struct mnt_namespace *ns;
	struct mount *m;

	guard(mount_locked_reader)();
	if (!is_mounted(near))
		return NULL;
	if (near->mnt_sb == dentry->d_sb && is_subdir(dentry, near->mnt_root)) {
		if (!nth)
			return mntget(near);
		nth--;
	}
	ns = real_mount(near)->mnt_ns;
	for (m = dentry->d_sb->s_mounts; m; m = m->mnt_next_for_sb) {
		if (m->mnt_ns != ns || &m->mnt == near || !is_subdir(dentry, m->mnt.mnt_root))
			continue;
		if (!nth)
			return mntget(&m->mnt);
		nth--;
	}
	return NULL;
}

/* A superblock whose last active reference goes on the way to user mode. */
struct super_later {
	struct callback_head work;
	struct super_block *sb;
};

static void deactivate_later(struct callback_head *work)
{
	struct super_later *later = container_of(work, struct super_later, work);

	deactivate_super(later->sb);
	kfree(later);
}

/**
 * checkpoint_iput_active() - drop an inode, and an active reference on its superblock
 * @inode: the inode
 *
 * The last such reference shuts the filesystem down, whose server may be one of
 * the frozen tasks. So that is left for the way to user mode, as mntput() does.
 */
void checkpoint_iput_active(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	struct super_later *later;

	iput(inode);
	if (atomic_add_unless(&sb->s_active, -1, 1))
		return;
	later = kmalloc_obj(*later);
	if (later) {
		later->sb = sb;
		init_task_work(&later->work, deactivate_later);
		if (!task_work_add(current, &later->work, TWA_RESUME))
			return;
		kfree(later);
	}
	deactivate_super(sb);
}

/**
 * checkpoint_mmap() - map into the current address space, as mmap(2) does
 * @file: what to map; NULL: anonymous memory
 * @addr: where to
 * @len: bytes
 * @prot: PROT_*
 * @flags: MAP_*
 * @pgoff: offset in @file, in pages
 *
 * Return: the address, or an errno as a pointer would be.
 */
unsigned long checkpoint_mmap(struct file *file, unsigned long addr, unsigned long len,
			      unsigned long prot, unsigned long flags, unsigned long pgoff)
{
	return vm_mmap_pgoff(file, addr, len, prot, flags, pgoff);
}

/**
 * checkpoint_mprotect() - set the access to memory, as pkey_mprotect(2) does
 * @start: first address, in the current address space
 * @len: bytes
 * @prot: PROT_*
 * @pkey: protection key; -1: as mprotect(2)
 *
 * Return: 0, or an errno.
 */
int checkpoint_mprotect(unsigned long start, size_t len, unsigned long prot, int pkey)
{
	return do_mprotect_pkey(start, len, prot, pkey);
}

/**
 * checkpoint_mlock() - lock memory, as mlock2(2) does
 * @start: first address, in the current address space
 * @len: bytes
 * @flags: VM_LOCKED, and VM_LOCKONFAULT or not
 *
 * Return: 0, or an errno.
 */
int checkpoint_mlock(unsigned long start, size_t len, unsigned long flags)
{
	vma_flags_t vma_flags = legacy_to_vma_flags(flags);

	return do_mlock(start, len, &vma_flags);
}

/**
 * checkpoint_mseal() - seal memory, as mseal(2) does
 * @start: first address, in the current address space
 * @end: address after the last
 *
 * Return: 0, or an errno.
 */
int checkpoint_mseal(unsigned long start, unsigned long end)
{
	return mseal_range(start, end);
}

/**
 * checkpoint_getxattr() - read an extended attribute, as fgetxattr(2) does
 * @file: the file
 * @name: the attribute
 * @value: where to
 * @size: bytes there; 0: only the size is asked for
 *
 * Return: bytes of the value, or an errno.
 */
ssize_t checkpoint_getxattr(struct file *file, const char *name, void *value, size_t size)
{
	struct mnt_idmap *idmap = file_mnt_idmap(file);
	struct dentry *dentry = file->f_path.dentry;

	if (is_posix_acl_xattr(name))
		return do_get_acl(idmap, dentry, name, value, size);
	return vfs_getxattr(idmap, dentry, name, value, size);
}

/**
 * checkpoint_setxattr() - set an extended attribute, as fsetxattr(2) does
 * @file: the file
 * @name: the attribute
 * @value: its value, which may be changed
 * @size: bytes of that
 *
 * Return: 0, or an errno.
 */
int checkpoint_setxattr(struct file *file, const char *name, void *value, size_t size)
{
	struct xattr_name kname;
	struct kernel_xattr_ctx ctx = { .kvalue = value, .size = size, .kname = &kname };

	if (strscpy(kname.name, name, sizeof(kname.name)) <= 0)
		return -ERANGE;
	return file_setxattr(file, &ctx);
}

/**
 * checkpoint_removexattr() - remove an extended attribute, as fremovexattr(2) does
 * @file: the file
 * @name: the attribute
 *
 * Return: 0, or an errno.
 */
int checkpoint_removexattr(struct file *file, const char *name)
{
	struct mnt_idmap *idmap = file_mnt_idmap(file);
	struct dentry *dentry = file->f_path.dentry;
	int ret;

	ret = mnt_want_write_file(file);
	if (ret)
		return ret;
	if (is_posix_acl_xattr(name))
		ret = vfs_remove_acl(idmap, dentry, name);
	else
		ret = vfs_removexattr(idmap, dentry, name);
	mnt_drop_write_file(file);
	return ret;
}

/**
 * checkpoint_hides_xattrs() - tell whether the caller sees all attributes of a file
 * @dentry: the file
 *
 * Filesystems list trusted.* for CAP_SYS_ADMIN only.
 *
 * Return: 0: it sees all; 1: it does not; or an errno.
 */
int checkpoint_hides_xattrs(struct dentry *dentry)
{
	ssize_t seen, all = 0;

	if (ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN))
		return 0;
	seen = vfs_listxattr(dentry, NULL, 0);
	if (seen < 0)
		return seen == -EOPNOTSUPP ? 0 : seen;
	scoped_with_kernel_creds()
		all = vfs_listxattr(dentry, NULL, 0);
	return all < 0 ? all : all > seen;
}

/**
 * checkpoint_ipc_labelled_by() - would a task give an object the label that it has?
 * @ns: the namespace
 * @which: IPC_*_IDS
 * @id: the object
 * @task: the task
 *
 * Security modules that label objects of System V IPC give them the label of who
 * makes them, and nobody can change it. So for one who has the label of @task
 * nothing is lost when the object is made again.
 *
 * Return: whether it is, or the object is gone.
 */
bool checkpoint_ipc_labelled_by(struct ipc_namespace *ns, int which, int id,
				struct task_struct *task)
{
	struct lsm_prop object, maker;
	struct kern_ipc_perm *perm;

	security_task_getlsmprop_obj(task, &maker);
	scoped_guard(rcu) {
		perm = ipc_obtain_object_check(&ns->ids[which], id);
		if (IS_ERR(perm))
			return true;
		security_ipc_getlsmprop(perm, &object);
	}
#ifdef CONFIG_SECURITY_SELINUX
	if (object.selinux.secid != maker.selinux.secid)
		return false;
#endif
#ifdef CONFIG_SECURITY_SMACK
	if (object.smack.skp != maker.smack.skp)
		return false;
#endif
	return true;
}

/**
 * checkpoint_cgroup_path() - tell where a file of cgroupfs (v2) and a cgroup are to each other
 * @cgrp: the cgroup
 * @path: the file or directory
 * @up: where the directory of the cgroup is, seen from the file; else the other way round
 * @buf: where the path goes, with a slash before each name
 * @size: bytes of @buf
 *
 * Return: the length of the path; -ENODEV: the file has gone with its cgroup.
 */
int checkpoint_cgroup_path(struct cgroup *cgrp, const struct path *path, bool up, char *buf,
			   size_t size)
{
	struct kernfs_node *kn = kernfs_node_from_dentry(path->dentry);

	if (!kn || atomic_read(&kn->active) < 0)
		return -ENODEV;
	return up ? kernfs_path_from_node(cgrp->kn, kn, buf, size) :
		    kernfs_path_from_node(kn, cgrp->kn, buf, size);
}

/**
 * checkpoint_mq_next() - find the POSIX message queues of a namespace that have a name
 * @ns: the namespace
 * @prev: where the one before is; NULL: the first is wanted
 * @out: set to where it is, with references
 *
 * The newest comes first.
 *
 * Return: 0; -ENOENT: there are no more.
 */
int checkpoint_mq_next(struct ipc_namespace *ns, const struct path *prev, struct path *out)
{
	struct dentry *dentry;

	/* It takes over the reference on the one before. */
	dentry = find_next_child(ns->mq_mnt->mnt_root, prev ? dget(prev->dentry) : NULL);
	if (!dentry)
		return -ENOENT;
	out->mnt = mntget(ns->mq_mnt);
	out->dentry = dentry;
	return 0;
}

/**
 * checkpoint_mq_dir_changed() - tell whether not everybody may make message queues any more
 * @ns: the namespace
 *
 * Return: whether the permissions of the directory have been changed.
 */
bool checkpoint_mq_dir_changed(struct ipc_namespace *ns)
{
	umode_t mode = READ_ONCE(d_inode(ns->mq_mnt->mnt_root)->i_mode);

	return (mode & S_IALLUGO) != 01777;
}

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

/**
 * checkpoint_memfd() - make a memfd, as memfd_create(2) does
 * @name: its name, with the prefix of all memfds
 * @noexec: it can't be executed, and is sealed so; else it may be given seals
 *
 * Return: the file, or an error pointer: -EACCES if a memfd must not be executable here,
 * -EOPNOTSUPP if the kernel has none.
 */
struct file *checkpoint_memfd(const char *name, bool noexec)
{
#ifdef CONFIG_MEMFD_CREATE
	return memfd_create_file(name, noexec ? MFD_NOEXEC_SEAL : MFD_EXEC | MFD_ALLOW_SEALING);
#else
	return ERR_PTR(-EOPNOTSUPP);
#endif
}

/**
 * checkpoint_memfd_seals() - tell the seals of a file, as F_GET_SEALS does
 * @file: the file
 *
 * Return: F_SEAL_*, or an errno.
 */
int checkpoint_memfd_seals(struct file *file)
{
	return memfd_get_seals(file);
}

/**
 * checkpoint_memfd_seal() - seal a file, as F_ADD_SEALS does
 * @file: the file, open for writing
 * @seals: F_SEAL_*
 *
 * May sleep until pages that somebody has pinned are let go, for less than a second.
 *
 * Return: 0, or an errno: -EBUSY if a mapping may be written to.
 */
int checkpoint_memfd_seal(struct file *file, unsigned int seals)
{
	return memfd_add_seals(file, seals);
}

/* image/task.rs: bytes of a build id, and of the version of a kernel. */
static_assert(BUILD_ID_SIZE_MAX == 20);
static_assert(sizeof(init_uts_ns.name.version) <= 68);

/* files/device.rs, task/process.rs, kapi/fs/timerfd.rs: numbers of the system calls. */
static_assert(MEM_MAJOR == 1);
static_assert(MINORBITS == 20);
static_assert(SIGSTOP == 19);
static_assert(TFD_TIMER_ABSTIME == 1 << 0);
static_assert(TFD_TIMER_CANCEL_ON_SET == 1 << 1);

/* kapi/signal/restart_block.rs: flags in the restart block of a futex wait. */
static_assert(FLAGS_SIZE_32 == 0x02);
static_assert(FLAGS_SHARED == 0x10);
static_assert(FLAGS_CLOCKRT == 0x20);
static_assert(FLAGS_HAS_TIMEOUT == 0x40);

/* image/files.rs, epoll: bits of what is registered. */
static_assert((__force u32)EPOLLIN == 1u << 0);
static_assert((__force u32)EPOLLOUT == 1u << 2);
static_assert((__force u32)EPOLLERR == 1u << 3);
static_assert((__force u32)EPOLLHUP == 1u << 4);
static_assert((__force u32)EPOLLEXCLUSIVE == 1u << 28);
static_assert((__force u32)EPOLLWAKEUP == 1u << 29);
static_assert((__force u32)EPOLLONESHOT == 1u << 30);
static_assert((__force u32)EPOLLET == 1u << 31);

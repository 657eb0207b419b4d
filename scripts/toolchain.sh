# SPDX-License-Identifier: GPL-2.0
# The build environment: a Debian system unpacked into a directory of the cache
# and used through chroot. Nothing of the host is needed but root and
# debootstrap, which is installed where it is missing. Sourced by scripts/run.

SUITE=trixie
KERNEL_SERIES=7.3

# One list per line of apt: what must come from backports, and the rest.
PACKAGES_BACKPORTS="linux-source-$KERNEL_SERIES rustc rust-src rustfmt rust-clippy cargo"
PACKAGES="clang lld llvm bindgen make flex bison bc libelf-dev libssl-dev
	python3 cpio kmod rsync xz-utils perl git patch ccache e2fsprogs
	debootstrap gcc libc6-dev pkg-config ca-certificates file
	codespell python3-sphinx sparse"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# Debian's archive as the host knows it, so that a mirror or proxy set up there
# is used here too.
debian_mirror() {
	if [ -n "${DEBIAN_MIRROR:-}" ]; then
		echo "$DEBIAN_MIRROR"
		return
	fi
	[ "$HOST_ID" = debian ] || return 0
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
	    /etc/apt/sources.list.d/*.sources 2>/dev/null |
	awk '/^[ \t]*#/ { next }
	     $1 == "deb" { for (i = 2; i <= NF; i++)
				if ($i ~ /^[a-z+]+:\/\//) { print $i; break } }
	     tolower($1) == "uris:" { for (i = 2; i <= NF; i++) print $i }' |
	grep -v -e security -e '^cdrom:' | grep -m1 '/debian/*$' || true
}

host_packages() {
	missing=
	command -v debootstrap >/dev/null || missing="$missing debootstrap"
	[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] ||
		missing="$missing debian-archive-keyring"
	for cmd in flock:util-linux unshare:util-linux setpriv:util-linux; do
		command -v "${cmd%%:*}" >/dev/null ||
			case $missing in
			*"${cmd#*:}"*) ;;
			*) missing="$missing ${cmd#*:}" ;;
			esac
	done
	[ -n "$missing" ] || return 0
	case "$HOST_ID $HOST_LIKE" in
	*debian* | *ubuntu*) ;;
	*) die "this host lacks$missing; install it (only on Debian and Ubuntu that is done for you)" ;;
	esac
	say "==> installing on this host:$missing"
	apt-get -qq update >&2 || true
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
		--no-install-recommends $missing </dev/null >/dev/null ||
		die "apt-get could not install$missing"
}

# Copies what a package download needs to get out of this host's network.
copy_host_network() {
	cp -L /etc/resolv.conf "$CHROOT/etc/resolv.conf" 2>/dev/null || true
	for f in /etc/apt/apt.conf /etc/apt/apt.conf.d/* /etc/apt/auth.conf.d/*; do
		[ -f "$f" ] || continue
		case $f in
		*/auth.conf.d/*) ;;
		*) grep -q -i -E 'acquire::|proxy' "$f" || continue ;;
		esac
		mkdir -p "$CHROOT${f%/*}"
		cp "$f" "$CHROOT$f"
	done
	if [ -d /usr/local/share/ca-certificates ]; then
		mkdir -p "$CHROOT/usr/local/share/ca-certificates"
		cp -r /usr/local/share/ca-certificates/. \
			"$CHROOT/usr/local/share/ca-certificates/"
	fi
	# Enough for apt until ca-certificates' own hook has run.
	if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
		mkdir -p "$CHROOT/etc/ssl/certs"
		cp -L /etc/ssl/certs/ca-certificates.crt "$CHROOT/etc/ssl/certs/"
	fi
}

apt_in_chroot() {
	unshare -m sh -c 'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" &&
		c=$1 && shift && exec chroot "$c" env \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive "$@"' sh "$CHROOT" "$@" </dev/null
}

# Installs a list of packages unless that has been done: $1 suite, $2.. names.
install_list() {
	from=$1; shift
	key=$(echo "$from $*" | sha256sum | cut -c1-16)
	[ ! -e "$CHROOT/var/lib/linux-cr/$key" ] || return 0
	say "==> installing into the build environment: $(echo $*)"
	if [ -z "${APT_UPDATED:-}" ]; then
		apt_in_chroot apt-get -qq update >"$CACHE/log/apt" 2>&1 ||
			{ tail -n 20 "$CACHE/log/apt" >&2; die "apt-get update failed"; }
		APT_UPDATED=1
	fi
	# Other runs may be using what is installed.
	apt_in_chroot apt-get -qq install -y --no-install-recommends --no-remove -t "$from" "$@" \
		>"$CACHE/log/apt" 2>&1 ||
		{ tail -n 20 "$CACHE/log/apt" >&2; die "apt-get install failed"; }
	mkdir -p "$CHROOT/var/lib/linux-cr"
	echo "$*" >"$CHROOT/var/lib/linux-cr/$key"
}

toolchain_key() {
	echo "$SUITE $PACKAGES_BACKPORTS / $PACKAGES / $QEMU" |
		sha256sum | cut -c1-16
}

# Are all of these installed?
has_packages() {
	for name; do
		[ -e "$CHROOT/var/lib/dpkg/info/$name.list" ] || return 1
	done
}

# Makes sure that $CHROOT holds all packages for the architecture $1. Safe against a second run.
toolchain() {
	# The newest QEMU there is: it knows more of the processors.
	QEMU=$(sed -n 's/^packages *= *//p' "$ROOT/scripts/arch/$1.conf")
	# On a host of that architecture gcc has brought it along.
	BINUTILS=$(sed -n 's/^binutils *= *//p' "$ROOT/scripts/arch/$1.conf")
	done=$CHROOT/var/lib/linux-cr/all-$(toolchain_key)
	# shellcheck disable=SC2086
	[ ! -e "$done" ] || ! has_packages $BINUTILS || return 0
	[ "$(id -u)" = 0 ] || die "the build environment is set up by root: run this as root (sudo make ...)"
	host_packages
	mkdir -p "$CACHE/lock" "$CACHE/log"
	exec 8>"$CACHE/lock/toolchain"
	flock -n 8 || { say "==> waiting for another run that sets up the build environment"; flock 8; }
	mirror=$(debian_mirror)
	if [ ! -e "$CHROOT/var/lib/dpkg/status" ]; then
		say "==> unpacking Debian $SUITE as build environment"
		rm -rf "$CHROOT.tmp"
		# A debootstrap older than the suite does not know it by name.
		script=
		if [ ! -e "/usr/share/debootstrap/scripts/$SUITE" ]; then
			mirror=${mirror:-http://deb.debian.org/debian}
			script=/usr/share/debootstrap/scripts/sid
		fi
		debootstrap --variant=minbase --include=ca-certificates \
			--keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
			"$SUITE" "$CHROOT.tmp" $mirror $script </dev/null >"$CACHE/log/debootstrap" 2>&1 ||
			{ tail -n 20 "$CACHE/log/debootstrap" >&2; die "debootstrap failed"; }
		mv "$CHROOT.tmp" "$CHROOT"
	fi
	if [ ! -e "$CHROOT/etc/apt/sources.list.d/linux-cr.list" ]; then
		[ -n "$mirror" ] || mirror=$(awk '$1 == "deb" { print $2; exit }' "$CHROOT/etc/apt/sources.list")
		rm -f "$CHROOT/etc/apt/sources.list"
		printf 'deb %s %s main\n' "$mirror" "$SUITE" "$mirror" "$SUITE-backports" \
			>"$CHROOT/etc/apt/sources.list.d/linux-cr.list"
	fi
	copy_host_network
	install_list "$SUITE-backports" $PACKAGES_BACKPORTS
	install_list "$SUITE" $PACKAGES
	install_list "$SUITE-backports" $QEMU
	# shellcheck disable=SC2086
	has_packages $BINUTILS || install_list "$SUITE" $BINUTILS
	if [ -d /usr/local/share/ca-certificates ]; then
		apt_in_chroot update-ca-certificates >/dev/null 2>&1 || true
	fi
	touch "$done"
	exec 8>&-
}

# Runs a command in the build environment, in a mount namespace of its own:
# whatever ends it, no mount stays behind. The checkout and the cache are at the
# same paths there as outside. $BIND names further directories, one per line.
enter() {
	cp -L /etc/resolv.conf "$CHROOT/etc/resolv.conf" 2>/dev/null || true
	# shellcheck disable=SC2016
	CHROOT=$CHROOT BINDS="$ROOT
$CACHE
${BIND:-}" WORKDIR=$PWD exec unshare -m bash -c '
		set -e
		mount --make-rprivate /
		mount -t proc proc "$CHROOT/proc"
		mount --rbind /dev "$CHROOT/dev"
		mount --rbind /sys "$CHROOT/sys"
		mount -t tmpfs tmpfs "$CHROOT/run"
		while read -r dir; do
			[ -n "$dir" ] || continue
			mkdir -p "$CHROOT$dir"
			mount --bind "$dir" "$CHROOT$dir"
		done <<<"$BINDS"
		cd /
		for v in $(compgen -e); do
			case $v in
			# What steers a build or a network; the rest of the host stays outside.
			TERM|COLUMNS|LCR_*|CKPT_*|KDIR|*_proxy|*_PROXY|SSL_CERT_*|JOBS|PAGES|FULL|V|T|NO_COLOR|CHROOT|WORKDIR) ;;
			*) unset "$v" 2>/dev/null || : ;;
			esac
		done
		export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		export HOME=/root LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
		c=$CHROOT; w=$WORKDIR; unset CHROOT WORKDIR
		[ -d "$c$w" ] || w=/
		exec chroot "$c" sh -c "cd \"\$0\" && exec \"\$@\"" "$w" "$@"' bash "$@"
}

# SPDX-License-Identifier: GPL-2.0
# Commits, then git gc again and again.
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_AUTHOR_DATE='1700000000 +0000'
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org GIT_COMMITTER_DATE='1700000000 +0000'
export HOME=$PWD TMPDIR=$PWD
git init -q -b main r && cd r || exit
for n in 1 2 3 4 5 6 7 8 9 10; do
	seq $n 500 >file$n
	git add . && git commit -q -m "commit $n"
done
touch ../half
git gc -q --prune=now
while ! test -e ../go; do git gc -q --prune=now; done
git commit -q --allow-empty -m last
git fsck --strict 2>&1 | grep -v -i -e checking -e notice
git rev-list --count HEAD
git rev-parse HEAD

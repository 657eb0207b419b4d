# SPDX-License-Identifier: GPL-2.0
# A transaction that is open, in WAL mode: locks, and an index in memory that is a mapped file.
{
	cat <<'S'
PRAGMA journal_mode=WAL;
CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT);
WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000) INSERT INTO t SELECT n, hex(n) FROM c;
BEGIN;
INSERT INTO t SELECT n + 2000, s || 'x' FROM t;
.shell touch half
S
	while ! test -e go; do sleep 0.05; done
	cat <<'S'
INSERT INTO t SELECT n + 4000, s || 'y' FROM t;
COMMIT;
SELECT count(*), sum(n), sum(length(s)) FROM t;
PRAGMA integrity_check;
S
} | sqlite3 db
sqlite3 db 'SELECT max(n) FROM t'

// SPDX-License-Identifier: GPL-2.0
// Timers, promises, the thread pool and a child: half of the work, a wait, the other half.
'use strict';
const fs = require('fs');
const crypto = require('crypto');
const zlib = require('zlib');
const { promisify } = require('util');

const deflate = promisify(zlib.deflate);
const hash = crypto.createHash('sha256');
const seen = new Map();
let n = 0;
let ticks = 0;

async function some() {
	const packed = await deflate(Buffer.from('x'.repeat(n % 500 + 1)));
	hash.update(String(packed.length));
	seen.set(n % 97, (seen.get(n % 97) || 0) + n);
	n++;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function main() {
	const timer = setInterval(() => ticks++, 20);
	while (n < 100)
		await some();
	fs.writeFileSync('half', '');
	while (!fs.existsSync('go'))
		await sleep(10);
	const before = ticks;
	while (ticks < before + 3)
		await sleep(10);
	clearInterval(timer);
	while (n < 200)
		await some();
	console.log(hash.digest('hex'), seen.size, [...seen.values()].reduce((a, b) => a + b));
}

main();

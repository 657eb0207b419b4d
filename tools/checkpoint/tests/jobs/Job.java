// SPDX-License-Identifier: GPL-2.0
// A pool of threads, a scheduler, a heap with garbage: half of the work, a wait, the other half.

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

public class Job {
	static final ConcurrentHashMap<Integer, Long> sums = new ConcurrentHashMap<>();

	static int some(int n) {
		StringBuilder text = new StringBuilder();
		for (int i = 0; i < 50; i++)
			text.append(n * i).append(' ');
		sums.merge(n % 10, (long) text.toString().hashCode(), Long::sum);
		return text.length();
	}

	public static void main(String[] args) throws Exception {
		var pool = Executors.newFixedThreadPool(3);
		var clock = Executors.newScheduledThreadPool(1);
		var ticks = new AtomicInteger();
		clock.scheduleAtFixedRate(ticks::incrementAndGet, 20, 20, TimeUnit.MILLISECONDS);
		List<Future<Integer>> lengths = new ArrayList<>();
		for (int n = 0; n < 2000; n++) {
			if (n == 1000) {
				Files.createFile(Path.of("half"));
				while (!Files.exists(Path.of("go")))
					Thread.sleep(10);
				int before = ticks.get();
				while (ticks.get() < before + 3)
					Thread.sleep(10);
			}
			int m = n;
			lengths.add(pool.submit(() -> some(m)));
		}
		long total = 0;
		for (var length : lengths)
			total += length.get();
		pool.shutdown();
		clock.shutdownNow();
		System.out.println(total + " " + new java.util.TreeMap<>(sums));
	}
}

// SPDX-License-Identifier: GPL-2.0
// A heap in transparent huge pages: it is in such after a restart, too.

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

public class Huge {
	// Kilobytes of the process in such pages.
	static long huge() throws Exception {
		for (String line : Files.readAllLines(Path.of("/proc/self/smaps_rollup")))
			if (line.startsWith("AnonHugePages:"))
				return Long.parseLong(line.replaceAll("[^0-9]", ""));
		return 0;
	}

	static List<byte[]> some(int seed) {
		List<byte[]> parts = new ArrayList<>();
		for (int n = 0; n < 600; n++) {
			byte[] part = new byte[100_000];
			for (int i = 0; i < part.length; i++)
				part[i] = (byte) (seed + n + i);
			parts.add(part);
		}
		return parts;
	}

	static long sum(List<byte[]> parts) {
		long sum = 0;
		for (byte[] part : parts)
			for (byte b : part)
				sum = sum * 31 + b;
		return sum;
	}

	public static void main(String[] args) throws Exception {
		List<byte[]> parts = some(1);
		long before = huge();
		Files.createFile(Path.of("half"));
		while (!Files.exists(Path.of("go")))
			Thread.sleep(10);
		long after = huge();
		System.out.println(sum(parts));
		parts = some(2);
		System.out.println(sum(parts));
		// Memory may be in pieces, when it is restarted as when it was started.
		if (before > 0 && after >= before / 2)
			System.out.println("huge pages as before");
		else
			System.out.println(before + " KiB in huge pages before, " + after + " after");
	}
}

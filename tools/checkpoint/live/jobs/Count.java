// SPDX-License-Identifier: GPL-2.0
/* Count.java ADDRESS PORT: as count.py, with a thread for each connection. */

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.security.MessageDigest;
import java.util.HexFormat;

public class Count {
	static void serve(Socket socket) {
		try (socket) {
			MessageDigest digest = MessageDigest.getInstance("SHA-256");
			BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream()));
			OutputStream out = socket.getOutputStream();
			String line;

			for (int lines = 1; (line = in.readLine()) != null; lines++) {
				digest.update((line + "\n").getBytes());
				byte[] sum = ((MessageDigest) digest.clone()).digest();
				String answer = lines + " " + HexFormat.of().formatHex(sum) + "\n";
				out.write(answer.getBytes());
			}
		} catch (Exception e) {
			e.printStackTrace();
		}
	}

	public static void main(String[] args) throws Exception {
		ServerSocket server = new ServerSocket(Integer.parseInt(args[1]), 50, InetAddress.getByName(args[0]));

		for (;;) {
			Socket socket = server.accept();
			Thread.ofVirtual().start(() -> serve(socket));
		}
	}
}

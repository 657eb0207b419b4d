# SPDX-License-Identifier: GPL-2.0
# Threads with a queue, a Hash, big numbers, a fiber: half of the work, a wait, the other half.
queue = Queue.new
sums = Hash.new(0)
lock = Mutex.new
workers = 3.times.map do
  Thread.new do
    while (i = queue.pop) != :end
      lock.synchronize { sums[i % 10] += i**3 }
    end
  end
end
squares = Fiber.new { (1..).each { |n| Fiber.yield(n * n) } }
first = (1..100).map { squares.resume }
(0...4000).each { |i| queue << i }
File.write("half", "")
big = 1
big = (big * 3 + 1) % (2**521 - 1) until File.exist?("go")
(4000...8000).each { |i| queue << i }
workers.each { queue << :end }
workers.each(&:join)
puts sums.sort.inspect, (first + (1..100).map { squares.resume }).sum
puts (1..300).reduce(:*)

// SPDX-License-Identifier: Apache-2.0
#include "kit/testing/memory_network.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>

namespace kit::testing {
namespace {

using namespace std::chrono_literals;

net::IoResult write(net::Stream& stream, std::string_view text) {
  return stream.write({&text, 1});
}

/// What can be read at once, and how many bytes each read gave.
std::string read(net::Stream& stream, std::vector<std::size_t>* counts = nullptr) {
  std::string all;
  std::array<char, 64> buffer;
  while (true) {
    const net::IoResult result = stream.read(buffer);
    if (result.status != net::IoStatus::ok) return all;
    if (counts != nullptr) counts->push_back(result.bytes);
    all.append(buffer.data(), result.bytes);
  }
}

/// How a fixed text arrives in a network with short reads and writes.
std::vector<std::size_t> pieces(std::uint64_t seed) {
  VirtualLoop loop;
  auto [first, second] = make_memory_pair(loop, {.seed = seed, .most_moved = 7});
  std::string rest(100, 'x');
  std::vector<std::size_t> counts;
  while (!rest.empty()) {
    const net::IoResult result = write(*first, rest);
    EXPECT_TRUE(result.bytes >= 1 && result.bytes <= 7) << result.bytes;
    counts.push_back(result.bytes);
    rest.erase(0, result.bytes);
  }
  EXPECT_EQ(read(*second, &counts), std::string(100, 'x'));
  return counts;
}

TEST(MemoryNetwork, MovesRandomPiecesThatTheSeedDecides) {
  EXPECT_EQ(pieces(1), pieces(1));
  EXPECT_NE(pieces(1), pieces(2));
}

TEST(MemoryNetwork, DelaysWhatIsWrittenAndKeepsItsOrder) {
  VirtualLoop loop;
  auto [first, second] = make_memory_pair(loop, {.seed = 1, .most_delay = 1s});
  write(*first, "one");
  write(*first, "two");
  first->shutdown_write();
  EXPECT_EQ(read(*second), "");
  loop.advance(1s);
  EXPECT_EQ(read(*second), "onetwo");
  std::array<char, 8> buffer;
  EXPECT_EQ(second->read(buffer).status, net::IoStatus::closed);
}

TEST(MemoryNetwork, TheEndArrivesAfterTheBytes) {
  VirtualLoop loop;
  auto [first, second] = make_memory_pair(loop, {.seed = 1, .most_delay = 1s});
  write(*first, "bytes");
  first.reset();
  std::array<char, 8> buffer;
  EXPECT_EQ(second->read(buffer).status, net::IoStatus::would_block);
  loop.advance(1s);
  EXPECT_EQ(read(*second), "bytes");
  EXPECT_EQ(write(*second, "x").status, net::IoStatus::closed);
}

TEST(MemoryNetwork, BreaksAfterSoManyBytes) {
  VirtualLoop loop;
  auto [first, second] = make_memory_pair(loop, {.breaks_after = 5});
  write(*first, "four");
  EXPECT_EQ(read(*second), "four");
  write(*second, "x");
  std::array<char, 8> buffer;
  EXPECT_EQ(first->read(buffer).error_number, ECONNRESET);
  EXPECT_EQ(second->read(buffer).error_number, ECONNRESET);
  EXPECT_EQ(write(*first, "x").status, net::IoStatus::closed);
}

}  // namespace
}  // namespace kit::testing

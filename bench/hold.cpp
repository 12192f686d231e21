// SPDX-License-Identifier: Apache-2.0
// Opens many keep-alive connections from several loopback addresses, proves on every one that it is
// served, holds them while the caller looks at the server (until a line comes on standard input),
// then proves it again. Prints a line of JSON after each step.
//
//   hold PORT PATH CONNECTIONS ADDRESSES
#include <vector>

#include "bench/client.hpp"

namespace {

/// One request and its answer. False when the server did not answer 200.
bool served(int connection, const std::string& request) {
  if (send(connection, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    return false;
  std::string received;
  for (;;) {
    char buffer[16384];
    const ssize_t got = recv(connection, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    received.append(buffer, static_cast<std::size_t>(got));
    const bench::Answer answer = bench::first_answer(received);
    if (answer.bytes != 0) return answer.status == 200 && answer.bytes == received.size();
  }
}

std::size_t serve_all(const std::vector<int>& connections, const std::string& request) {
  const double start = bench::seconds_now();
  std::size_t good = 0;
  for (const int connection : connections) good += served(connection, request) ? 1 : 0;
  std::printf("{\"connections\": %zu, \"served\": %zu, \"seconds\": %.2f}\n", connections.size(),
              good, bench::seconds_now() - start);
  std::fflush(stdout);
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: hold PORT PATH CONNECTIONS ADDRESSES\n", stderr);
    return 2;
  }
  const std::string request = bench::request_for(argv[2]);
  const int addresses = std::atoi(argv[4]);
  std::vector<int> connections;
  for (int i = 0; i < std::atoi(argv[3]); ++i) {
    connections.push_back(bench::connect_to(std::atoi(argv[1]), 2 + i % addresses));
    const timeval patience{30, 0};
    setsockopt(connections.back(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  std::size_t good = serve_all(connections, request);
  while (std::getchar() != '\n') {
    if (std::feof(stdin) != 0) break;
  }
  good += serve_all(connections, request);
  return good == 2 * connections.size() ? 0 : 1;
}

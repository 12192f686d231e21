// SPDX-License-Identifier: Apache-2.0
// A ChaosProxy for tests in other languages.
//
//   kit_chaos_proxy HOST PORT
//
// Says "port N", then does what each line asks and answers it with a line: "delay 200" and the
// other faults: "ok"; "connections": their number. Ends with its standard input.
#include <charconv>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

#include "kit/async/epoll_loop.hpp"
#include "tests/chaos/proxy.hpp"

namespace {

std::string answer(kit::tests::ChaosProxy& proxy, const std::string& line) {
  if (line == "connections") return std::to_string(proxy.connections());
  const std::size_t blank = line.find(' ');
  const auto fault = kit::tests::parse_fault(line.substr(0, blank));
  std::uint64_t amount = 0;
  if (blank != std::string::npos) {
    const char* end = line.data() + line.size();
    const auto [rest, error] = std::from_chars(line.data() + blank + 1, end, amount);
    if (error != std::errc() || rest != end) return "no number: " + line;
  }
  if (!fault) return "no fault: " + line;
  proxy.set(*fault, amount);
  return "ok";
}

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: kit_chaos_proxy HOST PORT\n");
    return 2;
  }
  auto loop = kit::make_epoll_loop();
  if (!loop) {
    std::fprintf(stderr, "kit_chaos_proxy: %s\n", loop.error().message().c_str());
    return 1;
  }
  std::optional<kit::tests::ChaosProxy> proxy;
  (*loop)->post([&] {
    proxy.emplace(argv[1], std::atoi(argv[2]));
    say("port " + std::to_string(proxy->port()));
  });
  std::thread commands([&] {
    for (std::string line; std::getline(std::cin, line);) {
      (*loop)->post([&proxy, line] { say(answer(*proxy, line)); });
    }
    (*loop)->post([&] {
      proxy.reset();
      (*loop)->stop();
    });
  });
  (*loop)->run();
  commands.join();
  return 0;
}

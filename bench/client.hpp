// SPDX-License-Identifier: Apache-2.0
// What the load generators share: sockets, and finding the end of an answer.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace bench {

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A connection to 127.0.0.1:`port`, from 127.0.0.`source` when that is not 0. Ends the program
/// when there is none.
inline int connect_to(int port, int source = 0) {
  const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (source != 0) {
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + static_cast<std::uint32_t>(source));
    setsockopt(made, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      std::perror("bind");
      std::exit(2);
    }
  }
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    std::perror("connect");
    std::exit(2);
  }
  setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return made;
}

/// `field`: a whole header field, or empty.
inline std::string request_for(std::string_view path, std::string_view field = {}) {
  std::string request = "GET " + std::string(path) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  if (!field.empty()) request.append(field).append("\r\n");
  return request.append("\r\n");
}

/// One answer at the start of what was received.
struct Answer {
  std::size_t bytes = 0;  ///< Of head and body; 0: more has to come.
  int status = 0;
};

/// The length of a chunked body at the start of `data`; 0: more has to come.
inline std::size_t chunked_bytes(std::string_view data) {
  for (std::size_t at = 0;;) {
    const std::size_t line = data.find("\r\n", at);
    if (line == std::string_view::npos) return 0;
    const std::size_t size = std::strtoul(data.data() + at, nullptr, 16);
    at = line + 2 + size + 2;
    if (data.size() < at) return 0;
    if (size == 0) return at;
  }
}

/// The value of a header of `head`, which is behind the status line; empty when it has none.
inline std::string_view header(std::string_view head, std::string_view name) {
  for (std::size_t line = head.find("\r\n") + 2; line < head.size();
       line = head.find("\r\n", line) + 2) {
    if (head.size() - line <= name.size() || head[line + name.size()] != ':' ||
        strncasecmp(head.data() + line, name.data(), name.size()) != 0)
      continue;
    const std::size_t value = head.find_first_not_of(' ', line + name.size() + 1);
    return head.substr(value, head.find("\r\n", value) - value);
  }
  return {};
}

/// Answers with Content-Length, or chunked without trailers, as the servers measured here give
/// them; anything else ends the program.
inline Answer first_answer(std::string_view data) {
  const std::size_t end = data.find("\r\n\r\n");
  if (end == std::string_view::npos || end < 12) return {};
  const std::string_view head = data.substr(0, end + 2);
  const int status = std::atoi(head.data() + 9);
  const std::string_view length = header(head, "content-length");
  std::size_t body = 0;
  if (!length.empty()) {
    body = std::strtoul(length.data(), nullptr, 10);
  } else if (header(head, "transfer-encoding") == "chunked") {
    body = chunked_bytes(data.substr(end + 4));
    if (body == 0) return {};
  } else {
    std::fputs("an answer without Content-Length that is not chunked\n", stderr);
    std::exit(2);
  }
  const std::size_t whole = end + 4 + body;
  if (data.size() < whole) return {};
  return {whole, status};
}

}  // namespace bench

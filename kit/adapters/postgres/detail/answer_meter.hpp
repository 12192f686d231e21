// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>

namespace kit::postgres::detail {

/// How many bytes came since the last result. libpq gathers an answer until it is whole and does
/// not say how much of it there is. Over TCP the kernel counts; elsewhere, where the server is on
/// this machine, it is what every read takes at least. Cost: a system call for 16 reads of one
/// answer.
class AnswerMeter {
 public:
  void note_result() {
    reads_ = 0;
    least_ = 0;
  }
  /// Before a read that finds `pending` bytes.
  void note_read(int socket, int pending) {
    if (++reads_ == first_counted) before_ = received(socket);
    least_ += static_cast<std::uint64_t>(std::min(pending, least_read));
  }
  bool is_over(int socket, std::uint64_t limit) const {
    if (reads_ == 0 || reads_ % reads_between != 0) return false;
    return std::max(least_, received(socket) - before_) > limit;
  }

 private:
  static constexpr int least_read = 8'192;  // libpq makes so much room
  static constexpr int first_counted = 4;   // most answers come in less
  static constexpr int reads_between = 16;

  static std::uint64_t received(int socket) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
    return info.tcpi_bytes_received;
  }

  std::uint64_t before_ = 0;
  std::uint64_t least_ = 0;
  int reads_ = 0;
};

}  // namespace kit::postgres::detail

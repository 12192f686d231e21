// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>

namespace kit::postgres::detail {

/// How many bytes came since the last result, about. libpq gathers an answer until it is whole and
/// does not say how much of it there is. Over TCP the kernel counts; elsewhere, where the server is
/// on this machine, it is what every read takes at least. Cost: a system call for each read but the
/// first of an answer.
class AnswerMeter {
 public:
  void note_result() {
    reads_ = 0;
    least_ = 0;
  }
  /// Before a read that finds `pending` bytes.
  void note_read(int socket, int pending) {
    if (++reads_ == first_counted) before_ = taken(socket);
    least_ += static_cast<std::uint64_t>(std::min(pending, least_read));
  }
  bool is_over(int socket, std::uint64_t limit) const {
    if (reads_ < first_counted) return false;
    const std::uint64_t now = taken(socket);
    return std::max(least_, now > before_ ? now - before_ : 0) > limit;
  }

 private:
  static constexpr int least_read = 8'192;  // libpq makes so much room
  static constexpr int first_counted = 2;   // before it libpq has room for no more than that

  /// What was read of a TCP socket so far.
  static std::uint64_t taken(int socket) {
    int pending = 0;
    tcp_info info{};
    socklen_t size = sizeof info;
    // In this order what comes in between counts as pending, not as taken.
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
    if (::ioctl(socket, FIONREAD, &pending) != 0) return 0;
    const auto waiting = static_cast<std::uint64_t>(pending);
    return info.tcpi_bytes_received > waiting ? info.tcpi_bytes_received - waiting : 0;
  }

  std::uint64_t before_ = 0;
  std::uint64_t least_ = 0;
  int reads_ = 0;
};

}  // namespace kit::postgres::detail

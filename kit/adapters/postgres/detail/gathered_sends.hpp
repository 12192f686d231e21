// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "kit/async/loop.hpp"

namespace kit::postgres::detail {

/// Lets what one turn of the loop writes to a TCP socket go in few segments: libpq sends every
/// statement of a pipeline by itself, and most of what that costs both sides is the way of a
/// segment to the peer and its waking up. The first of a turn goes at once, the kernel keeps those
/// behind it until the turn has ended. Thread safety: its loop's thread.
class GatheredSends final : private Ready {
 public:
  GatheredSends(Loop& loop, int socket) : loop_(loop), socket_(socket) {}

  /// Something is about to be sent.
  void add() {
    if (!is_open_) return;
    if (!has_sent_) {
      has_sent_ = true;
      loop_.schedule(*this);
    } else if (!is_held_) {
      is_held_ = hold(1);
      is_open_ = is_held_;  // a socket of another kind holds nothing back
    }
  }
  /// The socket is about to be closed.
  void close() { is_open_ = is_held_ = false; }

 private:
  void on_ready() override {
    has_sent_ = false;
    if (!is_held_) return;
    is_held_ = false;
    hold(0);
  }
  bool hold(int on) const {
    return ::setsockopt(socket_, IPPROTO_TCP, TCP_CORK, &on, sizeof on) == 0;
  }

  Loop& loop_;
  const int socket_;
  bool is_open_ = true;
  bool has_sent_ = false;
  bool is_held_ = false;
};

}  // namespace kit::postgres::detail

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "kit/async/intrusive_list.hpp"
#include "kit/http/connection_table.hpp"

namespace kit::http::detail {

class Exchange;
using Peer = ConnectionTable::Peer;

/// What a server knows of a connection, whatever is spoken on it: HTTP/1.1, HTTP/2, or a protocol
/// that took over.
class ServerConnection : public ListNode<struct ConnectionTag> {
 public:
  /// `peer`: null for one that is turned away.
  explicit ServerConnection(Peer* peer) : peer_(peer) {}
  virtual ~ServerConnection() = default;

  /// Takes no further request; closes now when idle, otherwise after what is under way.
  virtual void begin_drain() = 0;
  /// Lets go of everything at once; handlers at work are cancelled. The caller destroys the
  /// connection.
  virtual void abandon() = 0;
  /// A handler has ended, or the next piece of a streamed answer is there. In a turn of its own:
  /// may destroy the connection.
  virtual void exchange_ready(Exchange& exchange) = 0;
  /// The handler of `exchange` has taken `bytes` of its streamed body, or (0) waits for some.
  /// Called from the handler: may only make a note of it.
  virtual void body_wanted(Exchange& exchange, std::size_t bytes) = 0;

  Peer* peer() const { return peer_; }
  /// The connection lives on under another class, which keeps the place in the table.
  Peer* take_peer() {
    Peer* const peer = peer_;
    peer_ = nullptr;
    return peer;
  }

 protected:
  Peer* peer_;
};

}  // namespace kit::http::detail

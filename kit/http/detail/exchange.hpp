// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/context.hpp"
#include "kit/async/task.hpp"
#include "kit/http/chunked.hpp"
#include "kit/http/connection_table.hpp"
#include "kit/http/message.hpp"
#include "kit/http/parser.hpp"
#include "kit/http/router.hpp"

namespace kit::http::detail {

class Connection;
class ServerState;
using Peer = ConnectionTable::Peer;

/// One request on its way: its bytes, what they mean, and the handler at work on it. A connection
/// has one only while a request is under way; idle ones have none. They are pooled, so that a
/// request allocates nothing once they have grown.
class Exchange final : private Ready {
 public:
  Exchange(ServerState& server, const Limits& limits) : parser(limits), server_(server) {}

  /// As new; keeps what is small enough to keep.
  void reset();
  /// Fills `request` and the ids from the parsed head.
  void describe(Peer& from);
  /// The same for a request whose head did not become known.
  void describe_unknown(Peer& from);
  /// Calls the handler of the matched route. True when it has finished already.
  bool start(Clock::time_point deadline);
  /// The answer of a handler that has finished.
  Result<Response> take();

  RequestParser parser;
  std::string head_bytes;  // what `parser` points into
  std::string body;
  ChunkedDecoder chunks;
  std::uint64_t body_left = 0;
  std::uint64_t body_received = 0;  // on the wire
  Clock::time_point body_started{};
  Clock::time_point loop_started{};
  Clock::time_point started{};

  Request request;
  Router::Match match;
  std::optional<Error> refusal;  // why no handler is called, once the body has been read
  LogContext log;
  Connection* connection = nullptr;  // null: it has closed, the handler is ending by itself
  Peer* peer = nullptr;
  std::size_t orphan_index = 0;
  std::optional<Context> context;

 private:
  void on_ready() override;

  ServerState& server_;
  std::vector<std::string_view> parameters_;
  std::string scratch_;
  std::string decoded_path_;
  std::optional<Result<Response>> failure_;
  std::optional<Task<Response>> task_;  // after `context`, which outlives it
};

}  // namespace kit::http::detail

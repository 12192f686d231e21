// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "kit/http/client/client.hpp"
#include "kit/http/client/detail/pool.hpp"
#include "kit/telemetry/span.hpp"

namespace kit::http::detail {

/// What a client and its handlers share. The functions are coroutines that keep it alive.
class ClientCore {
 public:
  ClientCore(net::Connector& connector, ClientOptions options)
      : pool(std::make_shared<Pool>(connector, std::move(options))) {}

  const ClientOptions& options() const { return pool->options(); }

  std::shared_ptr<Pool> pool;
};

/// What `request` asks for, checked. `origin`: what its target is a path of; null: an absolute URL.
Result<Outgoing> make_outgoing(ClientRequest request);
Result<Outgoing> make_outgoing(const Request& request, const Url* origin);
/// Adds X-Request-Id, traceparent, tracestate and baggage of the work that is going on, unless they
/// are there. `span`: of the request itself.
void propagate_ids(Outgoing& outgoing, const telemetry::Span& span);
/// Says in `span` where the request goes.
void describe(telemetry::Span& span, const Outgoing& outgoing);

/// Sends in time: retries and redirects included.
Task<Response> send(std::shared_ptr<ClientCore> core, Outgoing outgoing, SendOptions options);
/// Sends until there is an answer, or trying again would not be safe or of no use.
/// `resent` counts each further try. Lifetime: all references until the task has ended.
Task<Response> send_with_retries(std::shared_ptr<ClientCore> core, Outgoing& outgoing,
                                 const SendOptions& options, std::size_t& resent);

/// Turns `outgoing` into what `response` redirects to. False when it is not to be followed.
/// Fails with `unavailable` (reason MALFORMED_RESPONSE) for a Location that is none.
Result<bool> redirect(Outgoing& outgoing, const Response& response, const SendOptions& options);
/// Reads what is left of an answer that nobody wants when that is little, so that its connection
/// can be kept.
Task<> discard(Response response);

}  // namespace kit::http::detail

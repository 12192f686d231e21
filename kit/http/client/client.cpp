// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/client.hpp"

#include <utility>

#include "kit/base/text.hpp"
#include "kit/http/client/detail/core.hpp"

namespace kit::http {
namespace {

/// Not a coroutine: what it is given must not be looked at later.
Task<Response> send_checked(const std::shared_ptr<detail::ClientCore>& core,
                            Result<detail::Outgoing> outgoing, SendOptions options) {
  if (outgoing.ok()) return detail::send(core, std::move(*outgoing), options);
  return [](Error why) -> Task<Response> { co_return why; }(std::move(outgoing).error());
}

}  // namespace

Client::Client(net::Connector& connector, ClientOptions options)
    : core_(std::make_shared<detail::ClientCore>(connector, std::move(options))) {}

Client::~Client() {
  core_->pool->stop();
}

Task<Response> Client::get(std::string url) {
  return get(std::move(url), SendOptions());
}

Task<Response> Client::send(ClientRequest request) {
  return send(std::move(request), SendOptions());
}

Task<Response> Client::send(Request& request) {
  return send(request, SendOptions());
}

Handler Client::handler() const {
  return handler(SendOptions());
}

Result<Handler> Client::handler(std::string_view origin) const {
  return handler(origin, SendOptions());
}

Task<Response> Client::get(std::string url, SendOptions options) {
  ClientRequest request;
  request.url = std::move(url);
  return send(std::move(request), options);
}

Task<Response> Client::send(ClientRequest request, SendOptions options) {
  return send_checked(core_, detail::make_outgoing(std::move(request)), options);
}

Task<Response> Client::send(Request& request, SendOptions options) {
  return send_checked(core_, detail::make_outgoing(request, nullptr), options);
}

Handler Client::handler(SendOptions options) const {
  return [core = core_, options](Request& request) {
    return send_checked(core, detail::make_outgoing(request, nullptr), options);
  };
}

Result<Handler> Client::handler(std::string_view origin, SendOptions options) const {
  auto url = Url::parse(origin);
  if (!url.ok()) return std::move(url).error();
  if (url->path != "/" || url->has_query) return invalid("origin", "must not have a path or query");
  return Handler([core = core_, options, to = std::move(*url)](Request& request) {
    return send_checked(core, detail::make_outgoing(request, &to), options);
  });
}

const std::shared_ptr<ClientStatistics>& Client::statistics() const {
  return core_->pool->statistics();
}

void Client::close_idle() {
  core_->pool->close_idle();
}

std::optional<std::string_view> header(const Response& response, std::string_view name) {
  if (!response.content_type.empty() && iequals(name, "content-type")) {
    return response.content_type;
  }
  for (const auto& [field, value] : response.headers) {
    if (iequals(field, name)) return value;
  }
  return std::nullopt;
}

Task<std::string> read_all(BodyReader& body, std::size_t most) {
  std::string all;
  while (true) {
    const std::string_view piece = co_await body.read();
    if (piece.empty()) co_return std::move(all);
    if (piece.size() > most - all.size()) {
      co_return Error(Code::resource_exhausted,
                      "the body is larger than " + std::to_string(most) + " bytes")
          .with_reason("RESPONSE_TOO_LARGE");
    }
    all += piece;
  }
}

}  // namespace kit::http

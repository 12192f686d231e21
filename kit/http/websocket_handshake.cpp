// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include "kit/base/base64.hpp"
#include "kit/base/text.hpp"
#include "kit/http/detail/chars.hpp"
#include "kit/http/detail/fields.hpp"
#include "kit/http/detail/random.hpp"
#include "kit/http/detail/refusals.hpp"
#include "kit/http/detail/websocket_key.hpp"
#include "kit/http/error_response.hpp"
#include "kit/http/websocket.hpp"

namespace kit::http {
namespace detail {
std::unique_ptr<Upgrade> make_websocket_upgrade(const WebSocketLimits& limits,
                                                std::string subprotocol, WebSocketHandler handler);
}

namespace {

constexpr std::size_t max_answer_bytes = 16 * 1024;

std::string joined(std::span<const Header> headers, std::string_view name) {
  std::string all;
  for (const Header& header : headers) {
    if (!iequals(header.name, name)) continue;
    if (!all.empty()) all += ',';
    all += header.value;
  }
  return all;
}

std::size_t count(const Request& request, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::count_if(
      request.headers, [&](const Header& header) { return iequals(header.name, name); }));
}

Error bad_handshake(std::string_view why) {
  return Error(Code::invalid_argument, "this is no WebSocket handshake: " + std::string(why))
      .with_reason("WEBSOCKET_HANDSHAKE");
}

Response upgrade_required(const Request& request, std::string_view why) {
  Response response = error_response(Error(Code::invalid_argument, std::string(why))
                                         .with_reason("WEBSOCKET_REQUIRED")
                                         .with_http_status(426),
                                     request.request_id);
  response.headers.emplace_back("Upgrade", "websocket");
  response.headers.emplace_back("Sec-WebSocket-Version", "13");
  return response;
}

/// Whether a page of `origin` may connect: a browser sends the user's cookies along for every page.
bool is_allowed(const Request& request, std::string_view origin, const WebSocketOptions& options) {
  return options.allow_any_origin ||
         std::ranges::find(options.origins, origin) != options.origins.end() ||
         detail::is_own_origin(request, origin);
}

std::string choose_subprotocol(const Request& request, const WebSocketOptions& options) {
  const std::string offered = joined(request.headers, "Sec-WebSocket-Protocol");
  for (const std::string& ours : options.subprotocols) {
    for (const std::string_view theirs : split(offered, ',')) {
      if (trim(theirs) == ours) return ours;
    }
  }
  return {};
}

}  // namespace

Result<Response> accept_websocket(const Request& request, const WebSocketOptions& options,
                                  WebSocketHandler handler) {
  if (!detail::list_has(joined(request.headers, "Upgrade"), "websocket"))
    return upgrade_required(request, "this address speaks WebSocket");
  if (request.method != Method::get) return bad_handshake("the method is not GET");
  if (!detail::list_has(joined(request.headers, "Connection"), "upgrade"))
    return bad_handshake("Connection does not say upgrade");
  const std::string_view version = request.header("Sec-WebSocket-Version").value_or("");
  if (version != "13") return upgrade_required(request, "the version of WebSocket here is 13");
  const std::string_view key = request.header("Sec-WebSocket-Key").value_or("");
  if (count(request, "Sec-WebSocket-Key") != 1 || !detail::is_websocket_key(key))
    return bad_handshake("Sec-WebSocket-Key is not 16 bytes in base64");
  const std::optional<std::string_view> origin = request.header("Origin");
  if (origin && !is_allowed(request, *origin, options)) {
    return Error(Code::permission_denied, "pages of this origin may not connect")
        .with_reason("ORIGIN_NOT_ALLOWED");
  }
  Response response;
  response.headers.emplace_back("Sec-WebSocket-Accept", detail::websocket_accept(key));
  std::string subprotocol = choose_subprotocol(request, options);
  if (!subprotocol.empty()) response.headers.emplace_back("Sec-WebSocket-Protocol", subprotocol);
  response.upgrade =
      detail::make_websocket_upgrade(options.limits, std::move(subprotocol), std::move(handler));
  return response;
}

namespace {

Error refused(std::string_view why) {
  return Error(Code::unavailable,
               "the server does not answer with a WebSocket: " + std::string(why))
      .with_reason("WEBSOCKET_REFUSED");
}

std::string handshake(const WebSocketConnectOptions& options, std::string_view key) {
  std::string text = "GET " + options.target + " HTTP/1.1\r\nHost: " + options.host +
                     "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
                     "\r\nSec-WebSocket-Key: ";
  text.append(key).append("\r\n");
  if (!options.origin.empty()) text.append("Origin: ").append(options.origin).append("\r\n");
  for (const std::string& subprotocol : options.subprotocols)
    text.append("Sec-WebSocket-Protocol: ").append(subprotocol).append("\r\n");
  return text.append("\r\n");
}

/// The subprotocol of an answer (without its empty line) that accepts our handshake.
Result<std::string> check_answer(std::string_view head, const WebSocketConnectOptions& options,
                                 std::string_view key) {
  std::vector<Header> fields;
  std::size_t at = head.find("\r\n");
  const std::string_view status = head.substr(0, at);
  if (!status.starts_with("HTTP/1.1 101")) return refused(status.substr(0, 64));
  while (at != std::string_view::npos) {
    head.remove_prefix(at + 2);
    at = head.find("\r\n");
    const std::string_view line = head.substr(0, at);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return refused("a header field has no colon");
    fields.push_back({line.substr(0, colon), detail::trim_blanks(line.substr(colon + 1))});
  }
  if (!detail::list_has(joined(fields, "Upgrade"), "websocket") ||
      !detail::list_has(joined(fields, "Connection"), "upgrade"))
    return refused("it does not upgrade");
  if (joined(fields, "Sec-WebSocket-Accept") != detail::websocket_accept(key))
    return refused("Sec-WebSocket-Accept does not fit our key");
  if (!joined(fields, "Sec-WebSocket-Extensions").empty())
    return refused("it uses an extension that was not offered");
  std::string subprotocol = joined(fields, "Sec-WebSocket-Protocol");
  if (!subprotocol.empty() &&
      std::ranges::find(options.subprotocols, subprotocol) == options.subprotocols.end())
    return refused("it chose a subprotocol that was not offered");
  return subprotocol;
}

}  // namespace

Task<std::unique_ptr<WebSocket>> connect_websocket(net::AsyncStream& stream,
                                                   WebSocketConnectOptions options) {
  std::array<unsigned char, 16> bytes;
  detail::fill_random(bytes);
  const std::string key =
      base64_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const std::string request = handshake(options, key);
  co_await stream.write(request);
  std::string answer;
  std::array<char, 1024> buffer;
  std::size_t end = std::string::npos;
  while (end == std::string::npos) {
    const std::size_t read = co_await stream.read(buffer);
    if (read == 0) co_return refused("it ended the connection");
    answer.append(buffer.data(), read);
    end = answer.find("\r\n\r\n");
    if (end == std::string::npos && answer.size() > max_answer_bytes)
      co_return refused("its answer is too long");
  }
  Result<std::string> subprotocol =
      check_answer(std::string_view(answer).substr(0, end), options, key);
  if (!subprotocol.ok()) co_return std::move(subprotocol).error();
  co_return std::make_unique<WebSocket>(stream, WebSocketRole::client, options.limits,
                                        std::move(*subprotocol), answer.substr(end + 4));
}

}  // namespace kit::http

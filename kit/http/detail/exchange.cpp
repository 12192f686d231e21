// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/exchange.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/http/detail/chars.hpp"
#include "kit/http/detail/refusals.hpp"
#include "kit/http/detail/request_ids.hpp"
#include "kit/http/detail/server_state.hpp"
#include "kit/http/server_span.hpp"
#include "kit/log/log.hpp"

namespace kit::http::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_handler = 60s;
constexpr auto body_grace = 5s;
log::Module http_log{"http"};
constexpr std::size_t kept_bytes = 16 * 1024;

void clear(std::string& text) {
  if (text.capacity() > kept_bytes) {
    std::string().swap(text);
  } else {
    text.clear();
  }
}

void decode_into(std::string& out, std::string_view path) {
  out.clear();
  for (std::size_t i = 0; i < path.size(); ++i) {
    const int byte = path[i] == '%' ? percent_byte(path, i) : -1;
    out.push_back(byte < 0 ? path[i] : static_cast<char>(byte));
    if (byte >= 0) i += 2;
  }
}

Task<std::string_view> failed_piece(Error why) {
  co_return why;
}

/// For requests that a guard has to wait for.
Task<Response> enter_and_handle(const RequestGuard& guard, Request& request,
                                const Router::Route& route, Admission& admission, LogContext& log) {
  co_await guard.enter(request, route, admission);
  if (admission.caller == nullptr) co_return co_await route.handler(request);
  log.user = admission.caller->subject;
  Context context;
  context.set_caller(admission.caller.get());
  Context::Scope scope(context);
  Task<Response> answering = route.handler(request);
  Result<Response> answer = co_await as_result(std::move(answering));
  scope.leave();
  co_return co_await std::move(answer);
}

}  // namespace

void Exchange::reset() {
  piece_.reset();
  stream_.reset();
  fetching_ = false;
  task_.reset();
  leave_guard();
  admission.reset();
  incoming.reset();
  context.renew();
  failure_.reset();
  refusal.reset();
  parser.reset();
  clear(head_bytes);
  clear(body);
  clear(scratch_);
  clear(decoded_path_);
  clear(trace_fields_);
  parameters_.clear();
  body_left = body_received = 0;
  match.route = nullptr;
  match.allow.clear();
  sent = 0;
  observed_status_ = 0;
  refused_ = false;
  continued = is_awaited = false;
  connection = nullptr;
  counted.end();
}

void Exchange::describe(Peer& from, const net::Stream& stream) {
  const RequestHead& head = parser.head();
  request.method = head.method;
  request.method_name = head.method_name;
  request.target = head.target;
  request.path = head.path;
  request.query = head.query;
  request.headers = head.headers;
  request.body = {};
  request.stream = nullptr;
  request.route = {};
  request.path_parameters = {};
  if (head.path_has_percent) {
    decode_into(decoded_path_, head.path);
    request.path = decoded_path_;
  }
  know_peer(from, stream);

  const telemetry::IncomingTrace told = identify_request();
  find_route();
  if (server_.options.tracer != nullptr) {
    server_.options.tracer->decide(log, request.route, told);
  }
}

telemetry::IncomingTrace Exchange::identify_request() {
  const RequestHead& head = parser.head();
  auto value = [&](std::int16_t index) -> std::string_view {
    if (index < 0) return {};
    return head.headers[static_cast<std::size_t>(index)].value;
  };
  telemetry::IncomingTrace told;
  telemetry::Tracer* const tracer = server_.options.tracer;
  if (tracer != nullptr) {
    told = incoming_trace(head, request.peer, *tracer, trace_fields_);
    identify(log, *tracer, told, value(head.request_id));
  } else {
    identify(log, value(head.trace_parent), value(head.request_id));
  }
  request.request_id = log.request_id;
  request.log_context = &log;
  log.user = {};
  return told;
}

void Exchange::find_route() {
  const RequestHead& head = parser.head();
  if (head.form == TargetForm::authority || head.path.empty()) return;
  Router::Match found = server_.router.match(head.method, head.path, parameters_, scratch_);
  match.route = found.route;
  if (found.route == nullptr) match.allow = std::move(found.allow);
  request.path_parameters = parameters_;
  if (match.route != nullptr) request.route = match.route->path_template;
}

void Exchange::admit() {
  const RequestHead& head = parser.head();
  if (match.route == nullptr) {
    if (head.form == TargetForm::authority || head.method_name == "TRACE") {
      refusal = detail::refusal(405, "this method is not allowed here");
    } else if (head.method != Method::options ||
               (match.allow.empty() && head.form != TargetForm::asterisk)) {
      refusal = match.allow.empty() ? detail::refusal(404, "there is nothing at this path")
                                    : detail::refusal(405, "this method is not allowed here");
    }
  }
  if (refusal) return;
  if (!head.query.empty() && static_cast<std::size_t>(std::ranges::count(head.query, '&')) >=
                                 server_.limits.query_parameters) {
    server_.hit(Limit::query_parameters);
    refusal = detail::refusal(400, "there are too many query parameters");
    return;
  }
  if (server_.options.refuse_cross_site && is_cross_site(request)) {
    refusal = detail::refusal(403, "this request comes from a page of another site");
  } else if (server_.options.guard != nullptr && match.route != nullptr) {
    try {
      refusal = server_.options.guard->admit(request, *match.route, admission);
      refused_ = refusal.has_value();
    } catch (...) {
      refusal = kit::detail::error_from_current_exception();
    }
    if (admission.caller) log.user = admission.caller->subject;
  }
}

std::size_t Exchange::most_body_bytes() const {
  if (match.route == nullptr || match.route->options.max_body_bytes == 0) {
    return server_.limits.body_bytes;
  }
  return match.route->options.max_body_bytes;
}

void Exchange::admit_body(std::size_t most) {
  const RequestHead& head = parser.head();
  if (!refusal && head.content_length > most) {
    server_.hit(Limit::body_bytes);
    refusal =
        detail::refusal(413, "the body is too large: at most " + std::to_string(most) + " bytes");
  }
  const bool streams = match.route != nullptr && match.route->options.streams_body;
  if (head.has_content_length || streams) check_media_type();
}

void Exchange::check_media_type() {
  if (refusal || match.route == nullptr) return;
  const RequestHead& head = parser.head();
  if (const auto coding = request.header("content-encoding");
      coding && !iequals(*coding, "identity")) {
    refusal = detail::refusal(415, "the body must not be compressed");
    return;
  }
  std::string_view given;
  if (head.content_type >= 0)
    given = head.headers[static_cast<std::size_t>(head.content_type)].value;
  std::string wanted;
  for (const std::string& type : match.route->options.consumes) {
    if (is_media_type(given, type)) return;
    wanted += (wanted.empty() ? "the body must be " : " or ") + type;
  }
  refusal = detail::refusal(415, wanted.empty() ? "this request takes no body" : wanted);
}

Response Exchange::options_answer() const {
  Response options;
  options.status = 204;
  options.headers.emplace_back(
      "Allow", match.allow.empty() ? "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" : match.allow);
  return options;
}

Clock::time_point Exchange::handler_deadline() const {
  Clock::duration limit = match.route->options.timeout;
  if (limit == Clock::duration::zero()) limit = server_.limits.handler_timeout;
  limit = std::min<Clock::duration>(limit, longest_handler);
  const RequestHead& head = parser.head();
  if (head.timeout >= 0) [[unlikely]] {
    const Header& field = head.headers[static_cast<std::size_t>(head.timeout)];
    if (const auto asked = requested_timeout(field)) {
      // Counted from the head on: what the body took is the client's time too.
      const auto left = loop_started + *asked - server_.now();
      limit = std::clamp<Clock::duration>(left, Clock::duration::zero(), limit);
    }
  }
  return server_.now() + limit;
}

Clock::duration Exchange::body_timeout() const {
  const bool own = match.route != nullptr && match.route->options.body_timeout.count() > 0;
  return own ? match.route->options.body_timeout : server_.limits.body_timeout;
}

Clock::time_point Exchange::body_deadline() const {
  const Limits& limits = server_.limits;
  const auto whole = body_started + body_timeout();
  if (limits.body_bytes_per_second == 0) return whole;
  const auto earned =
      std::chrono::milliseconds(body_received * 1000 / limits.body_bytes_per_second);
  return std::min<Clock::time_point>(whole, body_started + body_grace + earned);
}

void Exchange::count_late_body() const {
  const bool whole = server_.now() >= body_started + body_timeout();
  server_.hit(whole ? Limit::body_timeout : Limit::body_bytes_per_second);
}

void Exchange::body_awaited(bool awaited) {
  const auto now = server_.now();
  if (awaited && !is_awaited) body_started += now - body_paused;
  if (!awaited && is_awaited) body_paused = now;
  is_awaited = awaited;
}

void Exchange::observe(int answer_status, std::uint64_t bytes, const Error* error) const {
  observed_status_ = answer_status;
  RequestObserver* observer = server_.options.observer;
  // A request that could not be read is its sender's error: a stranger must not fill the log. Nor
  // must a guard that refuses thousands because there are too many.
  const bool failed = answer_status >= 500 && error != nullptr && !refused_;
  if (observer == nullptr && failed && match.route != nullptr) {
    // The client sees nothing of it but the request id: this line is where the error ends.
    const LogContext* outer = std::exchange(current_log_context, &log);
    log::error(http_log, "request failed",
               {{"status", answer_status},
                {"method", request.method_name},
                {"route", request.route},
                {"error", *error}});
    current_log_context = outer;
  }
  if (!server_.is_timed()) return;
  // The clock for handlers that did not wait; the loop's for the others, which in tests is a
  // virtual one.
  const auto duration =
      std::max<Clock::duration>(Clock::now() - started, server_.now() - loop_started);
  const LogContext* outer = std::exchange(current_log_context, &log);
  const RequestObserver::Finished finished{request, answer_status, bytes,   duration,
                                           error,   body_received, refused_};
  record_server_span(finished);
  if (observer != nullptr) observer->on_finished(finished);
  current_log_context = outer;
}

void Exchange::leave_guard() {
  if (!admission.counted) [[likely]]
    return;
  admission.counted = false;
  const auto duration =
      std::max<Clock::duration>(Clock::now() - started, server_.now() - loop_started);
  server_.options.guard->leave({request, *match.route, admission, observed_status_, duration,
                                context.cancelled() || observed_status_ == 499});
}

void Exchange::observe_broken(const Error& why) const {
  // One made from a body that broke off is its sender's error: a stranger must not fill the log.
  if (!incoming || !incoming->failed()) {
    const LogContext* outer = std::exchange(current_log_context, &log);
    log::error(http_log, "the answer broke off",
               {{"route", request.route}, {"sent", sent}, {"error", why}});
    current_log_context = outer;
  }
  observe(status, sent, &why);
}

/// What is known lives as long as the request, which may be longer than its connection does.
void Exchange::know_peer(Peer& from, const net::Stream& stream) {
  peer = &from;
  request.tls = nullptr;
  if (const net::TlsPeer* tls = stream.tls()) {
    tls_peer_ = *tls;  // into the room of the one before
    request.tls = &tls_peer_;
  }
  request.peer = from.first;
  if (from.first == stream.peer()) return;
  peer_address_ = stream.peer();  // counted as one of its network
  request.peer = peer_address_;
}

void Exchange::describe_unknown(Peer& from, const net::Stream& stream) {
  request = Request{};
  request.method = Method::other;
  know_peer(from, stream);
  telemetry::Tracer* const tracer = server_.options.tracer;
  if (tracer != nullptr) {
    identify(log, *tracer, {}, {});
    tracer->decide(log, request.route, {});
  } else {
    identify(log, {}, {});
  }
  request.request_id = log.request_id;
  request.log_context = &log;
  log.user = {};
}

bool Exchange::start(Clock::time_point deadline) {
  context.set_log_context(&log);
  context.set_deadline(deadline);
  context.set_caller(admission.caller.get());
  if (match.route->options.streams_body && !incoming) {  // a body of nothing
    incoming.emplace(*this, 0);
    incoming->end();
    request.stream = &*incoming;
  }
  Context::Entry entry(&context);
  try {
    if (admission.waits) [[unlikely]] {
      task_.emplace(
          enter_and_handle(*server_.options.guard, request, *match.route, admission, log));
    } else {
      task_.emplace(match.route->handler(request));
    }
  } catch (...) {
    failure_.emplace(kit::detail::error_from_current_exception());
    return true;
  }
  // The end is reported in the loop's next turn: here the task is still on the stack.
  return task_->start_in_entry(
      [](void* self) { Loop::current().schedule(*static_cast<Exchange*>(self)); }, this,
      match.route->path_template);
}

void Exchange::begin_stream(std::unique_ptr<BodyReader> answer) {
  stream_ = std::move(answer);
  observed_status_ = status;
  leave_guard();
  task_.reset();
  context.set_log_context(&log);
  context.set_deadline(Clock::time_point::max());  // the one there was, was the handler's
}

bool Exchange::fetch_piece() {
  piece_.reset();
  Context::Entry entry(&context);
  try {
    piece_.emplace(stream_->read());
  } catch (...) {
    piece_.emplace(failed_piece(kit::detail::error_from_current_exception()));
  }
  const bool there = piece_->start_in_entry(
      [](void* self) { Loop::current().schedule(*static_cast<Exchange*>(self)); }, this,
      request.route);
  fetching_ = !there;
  return there;
}

Result<std::string_view> Exchange::take_piece() {
  fetching_ = false;
  return piece_->take();
}

const Error* Exchange::failure() const {
  return failure_ ? &*failure_ : task_->failure();
}

void Exchange::on_ready() {
  if (connection != nullptr) {
    connection->exchange_ready(*this);
  } else {
    server_.orphan_finished(*this);
  }
}

}  // namespace kit::http::detail

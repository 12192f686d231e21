// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/exchange.hpp"

#include <utility>

#include "kit/http/detail/chars.hpp"
#include "kit/http/detail/connection.hpp"
#include "kit/http/detail/request_ids.hpp"
#include "kit/http/detail/server_state.hpp"

namespace kit::http::detail {
namespace {

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

}  // namespace

void Exchange::reset() {
  task_.reset();
  context.reset();
  failure_.reset();
  refusal.reset();
  parser.reset();
  clear(head_bytes);
  clear(body);
  clear(scratch_);
  clear(decoded_path_);
  parameters_.clear();
  body_left = body_received = 0;
  match.route = nullptr;
  match.allow.clear();
  connection = nullptr;
}

void Exchange::describe(Peer& from) {
  const RequestHead& head = parser.head();
  request.method = head.method;
  request.method_name = head.method_name;
  request.target = head.target;
  request.path = head.path;
  request.query = head.query;
  request.headers = head.headers;
  request.body = {};
  request.route = {};
  request.path_parameters = {};
  if (head.path_has_percent) {
    decode_into(decoded_path_, head.path);
    request.path = decoded_path_;
  }
  peer = &from;
  request.peer = from.first;

  auto value = [&](std::int16_t index) -> std::string_view {
    if (index < 0) return {};
    return head.headers[static_cast<std::size_t>(index)].value;
  };
  identify(log, value(head.trace_parent), value(head.request_id));
  request.request_id = log.request_id;
  request.log_context = &log;
  if (parser.head().form == TargetForm::authority || head.path.empty()) return;
  Router::Match found = server_.router.match(head.method, head.path, parameters_, scratch_);
  match.route = found.route;
  if (found.route == nullptr) match.allow = std::move(found.allow);
  request.path_parameters = parameters_;
  if (match.route != nullptr) request.route = match.route->path_template;
}

void Exchange::describe_unknown(Peer& from) {
  request = Request{};
  request.method = Method::other;
  peer = &from;
  request.peer = from.first;
  identify(log, {}, {});
  request.request_id = log.request_id;
  request.log_context = &log;
}

bool Exchange::start(Clock::time_point deadline) {
  context.emplace();
  context->set_log_context(&log);
  context->set_deadline(deadline);
  Context::Entry entry(&*context);
  try {
    task_.emplace(match.route->handler(request));
  } catch (...) {
    failure_.emplace(kit::detail::error_from_current_exception());
    return true;
  }
  // The end is reported in the loop's next turn: here the task is still on the stack.
  return task_->start([](void* self) { Loop::current().schedule(*static_cast<Exchange*>(self)); },
                      this);
}

Result<Response> Exchange::take() {
  if (failure_) return std::move(*failure_);
  return task_->take();
}

void Exchange::on_ready() {
  if (connection != nullptr) {
    connection->handler_finished();
  } else {
    server_.orphan_finished(*this);
  }
}

}  // namespace kit::http::detail

// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/incoming_body.hpp"

#include <utility>

#include "kit/http/detail/exchange.hpp"
#include "kit/http/detail/server_connection.hpp"

namespace kit::http::detail {

IncomingBody::~IncomingBody() = default;

Task<std::string_view> IncomingBody::read() {
  given_.clear();
  while (arrived_.empty() && open()) co_await Wait(*this);
  if (!arrived_.empty()) {
    given_.swap(arrived_);
    if (exchange_.connection != nullptr)
      exchange_.connection->body_wanted(exchange_, given_.size());
    co_return std::string_view(given_);
  }
  if (failure_) co_return failure_->clone();
  co_return std::string_view();
}

void IncomingBody::put(std::string_view bytes) {
  if (bytes.empty()) return;
  arrived_.append(bytes);
  wake();
}

void IncomingBody::end() {
  ended_ = true;
  wake();
}

void IncomingBody::fail(Error why) {
  if (!open()) return;
  failure_ = std::move(why);
  wake();
}

void IncomingBody::wake() {
  if (wait_ != nullptr) wait_->wake();
}

void IncomingBody::Wait::start() {
  body_.wait_ = this;
  if (body_.exchange_.connection != nullptr) {
    body_.exchange_.connection->body_wanted(body_.exchange_, 0);
  }
}

void IncomingBody::Wait::detach() {
  if (body_.wait_ == this) body_.wait_ = nullptr;
}

}  // namespace kit::http::detail

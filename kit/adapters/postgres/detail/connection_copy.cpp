// SPDX-License-Identifier: Apache-2.0
// COPY ... FROM STDIN on a connection that leaves the pipeline's mode for it.
#include <utility>

#include "kit/adapters/postgres/detail/connection.hpp"

namespace kit::postgres::detail {

std::shared_ptr<Request> Connection::begin_copy(const std::string& sql) {
  auto request = std::make_shared<Request>();
  // A COPY that is not brought to its end leaves a connection of no use.
  request->kind = Request::Kind::control;
  if (!broken()) {
    is_plain_ = requests_.empty() && PQexitPipelineMode(connection_.get()) != 0;
    if (!is_plain_ || PQsendQuery(connection_.get(), sql.c_str()) == 0) {
      fail(connection_error("rows can't be copied now: " + problem()));
    }
  }
  if (broken()) {
    request->lost = ended_->clone();
    end_request(*request);
    return request;
  }
  requests_.push_back(request);
  flush();
  return request;
}

bool Connection::put_copy(Request& request, std::string_view bytes) {
  if (broken() || request.done) return false;
  const int put = PQputCopyData(connection_.get(), bytes.data(), static_cast<int>(bytes.size()));
  if (put == 1) {
    flush();
    return !broken();
  }
  // The server has ended it: its reason is there to be read.
  request.copying = false;
  take_results();
  return false;
}

void Connection::end_copy(Request& request, const char* problem) {
  if (broken() || request.done || !request.copying) return;
  request.copying = false;
  if (PQputCopyEnd(connection_.get(), problem) != 1) {
    return fail(connection_error(this->problem()));
  }
  flush();
  if (!broken()) take_results();
}

void Connection::finish_copy() {
  is_plain_ = false;
  if (PQenterPipelineMode(connection_.get()) == 0) return fail(connection_error(problem()));
  finish_head();
}

void FlushWait::start() {
  if (connection_->broken() || !connection_->unflushed()) return succeed();
  connection_->flush_wait_ = this;
}

void FlushWait::detach() {
  connection_->flush_wait_ = nullptr;
  connection_->abandon(*request_);
}

}  // namespace kit::postgres::detail

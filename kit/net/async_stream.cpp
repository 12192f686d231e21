// SPDX-License-Identifier: Apache-2.0
#include "kit/net/async_stream.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "kit/base/assert.hpp"

namespace kit::net {
namespace {

Error connection_lost(const IoResult& result) {
  std::string message = "the connection broke";
  if (result.error_number != 0) {
    message.append(": ").append(std::strerror(result.error_number));
  }
  return Error(Code::unavailable, std::move(message)).with_reason("CONNECTION_LOST");
}

/// Between two owners of a stream.
class Nobody final : public ReadinessHandler {
  void on_readiness(Readiness) override {}
};

}  // namespace

AsyncStream::AsyncStream(std::unique_ptr<Stream> stream, std::string first)
    : stream_(std::move(stream)), first_(std::move(first)) {
  stream_->watch(*this);
}

AsyncStream::~AsyncStream() {
  KIT_ASSERT(reading_ == nullptr && writing_ == nullptr, "a stream ended under a task that waits");
}

void AsyncStream::on_readiness(Readiness readiness) {
  if (readiness.readable && reading_ != nullptr) reading_->try_read();
  if (readiness.writable && writing_ != nullptr) writing_->try_write();
}

bool AsyncStream::stale() {
  if (!first_.empty()) return true;
  std::array<char, 256> bytes;
  const IoResult result = stream_->read(bytes);
  if (result.status == IoStatus::ok) first_.assign(bytes.data(), result.bytes);
  return result.status != IoStatus::would_block;
}

std::unique_ptr<Stream> AsyncStream::release() {
  KIT_ASSERT(reading_ == nullptr && writing_ == nullptr, "a stream left a task that waits");
  KIT_ASSERT(first_.empty(), "a stream left bytes behind");
  static Nobody nobody;
  stream_->watch(nobody);
  return std::move(stream_);
}

void AsyncStream::Read::start() {
  KIT_ASSERT(owner_.reading_ == nullptr, "two tasks read one stream");
  if (!try_read()) owner_.reading_ = this;
}

void AsyncStream::Read::detach() {
  if (owner_.reading_ == this) owner_.reading_ = nullptr;
}

bool AsyncStream::Read::try_read() {
  if (!owner_.first_.empty()) {
    const std::size_t count = owner_.first_.copy(into_.data(), into_.size());
    owner_.first_.erase(0, count);
    succeed(count);
    return true;
  }
  const IoResult result = owner_.stream_->read(into_);
  if (result.status == IoStatus::would_block) return false;
  detach();
  if (result.status == IoStatus::failed) {
    fail(connection_lost(result));
  } else {
    succeed(result.bytes);
  }
  return true;
}

void AsyncStream::Write::start() {
  KIT_ASSERT(owner_.writing_ == nullptr, "two tasks write one stream");
  if (!try_write()) owner_.writing_ = this;
}

void AsyncStream::Write::detach() {
  if (owner_.writing_ == this) owner_.writing_ = nullptr;
}

bool AsyncStream::Write::try_write() {
  while (!bytes_.empty()) {
    const IoResult result = owner_.stream_->write({&bytes_, 1});
    if (result.status == IoStatus::would_block) return false;
    if (result.status != IoStatus::ok) {
      detach();
      fail(connection_lost(result));
      return true;
    }
    bytes_.remove_prefix(result.bytes);
  }
  detach();
  succeed();
  return true;
}

}  // namespace kit::net

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kit/async/operation.hpp"
#include "kit/http/message.hpp"

namespace kit::http::detail {

class Exchange;

/// The body of a request whose handler reads it while it arrives. The connection stops reading from
/// the socket while a handler leaves pieces lying here: that is the backpressure.
class IncomingBody final : public BodyReader {
 public:
  IncomingBody(Exchange& exchange, std::optional<std::uint64_t> size)
      : exchange_(exchange), size_(size) {}
  ~IncomingBody() override;

  Task<std::string_view> read() override;
  std::optional<std::uint64_t> size() const override { return size_; }

  // What follows is the connection's.
  void put(std::string_view bytes);
  void end();
  void fail(Error why);
  bool open() const { return !ended_ && !failure_; }
  bool failed() const { return failure_.has_value(); }
  bool has_room() const { return arrived_.size() < most_waiting; }
  /// The handler stands and waits for bytes.
  bool is_awaited() const { return wait_ != nullptr; }

 private:
  class Wait final : public Operation<void> {
   public:
    explicit Wait(IncomingBody& body) : body_(body) {}
    ~Wait() { detach(); }
    void wake() {
      detach();
      succeed();
    }

   private:
    void start() override;
    void detach() override;
    IncomingBody& body_;
  };

  static constexpr std::size_t most_waiting = 64 * 1024;

  void wake();

  Exchange& exchange_;
  const std::optional<std::uint64_t> size_;
  std::string arrived_;
  std::string given_;
  std::optional<Error> failure_;
  Wait* wait_ = nullptr;
  bool ended_ = false;
};

}  // namespace kit::http::detail

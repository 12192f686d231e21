// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/base/assert.hpp"
#include "kit/http/message.hpp"

namespace kit::http {
namespace {

/// Producer and reader take turns: `write` parks its bytes until the reader comes for the next. The
/// reader gets a copy: a write may be cancelled, and its bytes gone, while the reader still sends
/// them.
class ProducedBody final : public BodyReader, private BodyWriter {
 public:
  explicit ProducedBody(Function<Task<>(BodyWriter&)> producer) : producer_(std::move(producer)) {}

  Task<std::string_view> read() override {
    // Not one that took the place of a cancelled write since the last read: nobody has seen it.
    if (is_handed_on_) std::exchange(writing_, nullptr)->taken();
    is_handed_on_ = false;
    if (!task_) begin();
    // Again when the write that woke it was cancelled meanwhile.
    while (!finished_ && writing_ == nullptr) co_await Wait(*this);
    if (writing_ != nullptr) {
      given_.assign(writing_->bytes());
      is_handed_on_ = true;
      co_return std::string_view(given_);
    }
    if (std::exchange(reported_, true)) co_return std::string_view();
    Result<> ended = task_->take();
    if (!ended.ok()) co_return std::move(ended).error();
    co_return std::string_view();
  }

 private:
  class Write final : public Operation<void> {
   public:
    Write(ProducedBody& body, std::string_view bytes) : body_(body), bytes_(bytes) {}
    ~Write() { detach(); }
    std::string_view bytes() const { return bytes_; }
    void taken() { succeed(); }

   private:
    void start() override {
      KIT_ASSERT(body_.writing_ == nullptr, "two tasks write to one body");
      body_.writing_ = this;
      body_.wake();
    }
    void detach() override {
      if (body_.writing_ != this) return;
      body_.writing_ = nullptr;
      body_.is_handed_on_ = false;
    }
    ProducedBody& body_;
    std::string_view bytes_;
  };

  class Wait final : public Operation<void> {
   public:
    explicit Wait(ProducedBody& body) : body_(body) {}
    ~Wait() { detach(); }
    void woken() {
      detach();
      succeed();
    }

   private:
    void start() override { body_.waiting_ = this; }
    void detach() override {
      if (body_.waiting_ == this) body_.waiting_ = nullptr;
    }
    ProducedBody& body_;
  };

  Task<> write(std::string_view bytes) override {
    if (!bytes.empty()) co_await Write(*this, bytes);
  }

  void begin() {
    Context::Entry entry(&context_);
    task_.emplace(producer_(*this));
    finished_ = task_->start(
        [](void* self) {
          auto* body = static_cast<ProducedBody*>(self);
          body->finished_ = true;
          body->wake();
        },
        this);
  }
  void wake() {
    if (waiting_ != nullptr) waiting_->woken();
  }

  Function<Task<>(BodyWriter&)> producer_;
  std::string given_;
  Write* writing_ = nullptr;
  bool is_handed_on_ = false;  // what `writing_` has to say is with the reader
  Wait* waiting_ = nullptr;
  bool finished_ = false;
  bool reported_ = false;
  // Its own: a read may come from under a deadline that ends before the next one.
  Context context_{Context::Detached{}};
  std::optional<Task<>> task_;  // last: dropped first, and then leaves `writing_`
};

class WholeBody final : public BodyReader {
 public:
  explicit WholeBody(std::string body) : body_(std::move(body)) {}
  Task<std::string_view> read() override {
    if (given_) co_return std::string_view();
    given_ = true;
    co_return std::string_view(body_);
  }
  std::optional<std::uint64_t> size() const override { return body_.size(); }

 private:
  std::string body_;
  bool given_ = false;
};

}  // namespace

std::unique_ptr<BodyReader> stream_from(Function<Task<>(BodyWriter&)> producer) {
  return std::make_unique<ProducedBody>(std::move(producer));
}

std::unique_ptr<BodyReader> stream_of(std::string body) {
  return std::make_unique<WholeBody>(std::move(body));
}

}  // namespace kit::http

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "kit/async/intrusive_list.hpp"
#include "kit/async/operation.hpp"
#include "kit/base/assert.hpp"

namespace kit {

/// Values from tasks to tasks of one loop, any number of each, in order; at most `capacity` are on
/// the way, so that who is fast waits for who is slow. Who waits longest is served first. Thread
/// safety: one loop's thread (other threads post to it). Lifetime: longer than the tasks that wait
/// on it.
template <class T>
class Channel {
 public:
  class Send;
  class Receive;

  explicit Channel(std::size_t capacity) : capacity_(capacity) {
    KIT_ASSERT(capacity > 0, "a channel holds at least one value");
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// For `co_await`: waits while the channel is full. Fails with `cancelled` (CHANNEL_CLOSED) when
  /// it is closed, and with why the task was cancelled; the value is then dropped.
  Send send(T value) { return Send(*this, std::move(value)); }
  /// For `co_await`: the next value; nothing once the channel is closed and empty. Cancellation: a
  /// value that was handed over in the turn of the cancellation is still yielded; with a task that
  /// is dropped in that turn it is dropped.
  Receive receive() { return Receive(*this); }
  /// False, and `value` is untouched, when the channel is full or closed.
  bool try_send(T& value);
  /// Nothing when no value is there.
  std::optional<T> try_receive();

  /// No more values: those on the way are still received, who waits to send fails.
  void close();
  bool closed() const { return closed_; }
  std::size_t size() const { return values_.size(); }

 private:
  static Error closed_error() {
    return Error(Code::cancelled, "the channel is closed").with_reason("CHANNEL_CLOSED");
  }
  /// Gives `value` to whoever waits for it, else keeps it. Only when there is room.
  void put(T&& value);
  /// Takes the first value and lets the first sender that waits move up. Only when there is one.
  T take();

  std::size_t capacity_;
  bool closed_ = false;
  std::deque<T> values_;
  IntrusiveList<Send, struct SendTag> senders_;          // wait only while it is full
  IntrusiveList<Receive, struct ReceiveTag> receivers_;  // wait only while it is empty
};

template <class T>
class Channel<T>::Send final : public Operation<void>, public ListNode<SendTag> {
 public:
  Send(Channel& channel, T value) : channel_(channel), value_(std::move(value)) {}
  ~Send() = default;

 private:
  friend class Channel;
  void start() override {
    if (channel_.closed_) return fail(closed_error());
    if (channel_.values_.size() == channel_.capacity_) return channel_.senders_.push_back(*this);
    channel_.put(std::move(value_));
    succeed();
  }
  void detach() override { ListNode<SendTag>::unlink(); }
  Channel& channel_;
  T value_;
};

template <class T>
class Channel<T>::Receive final : public Operation<std::optional<T>>, public ListNode<ReceiveTag> {
 public:
  explicit Receive(Channel& channel) : channel_(channel) {}
  ~Receive() = default;

 private:
  friend class Channel;
  void start() override {
    if (!channel_.values_.empty()) return this->succeed(std::optional<T>(channel_.take()));
    if (channel_.closed_) return this->succeed(std::optional<T>());
    channel_.receivers_.push_back(*this);
  }
  void detach() override { ListNode<ReceiveTag>::unlink(); }
  Channel& channel_;
};

template <class T>
void Channel<T>::put(T&& value) {
  if (receivers_.empty()) {
    values_.push_back(std::move(value));
  } else {
    receivers_.pop_front().succeed(std::optional<T>(std::move(value)));
  }
}

template <class T>
T Channel<T>::take() {
  T value = std::move(values_.front());
  values_.pop_front();
  if (!senders_.empty()) {
    Send& next = senders_.pop_front();
    values_.push_back(std::move(next.value_));
    next.succeed();
  }
  return value;
}

template <class T>
bool Channel<T>::try_send(T& value) {
  if (closed_ || values_.size() == capacity_) return false;
  put(std::move(value));
  return true;
}

template <class T>
std::optional<T> Channel<T>::try_receive() {
  if (values_.empty()) return std::nullopt;
  return take();
}

template <class T>
void Channel<T>::close() {
  if (std::exchange(closed_, true)) return;
  while (!senders_.empty()) senders_.pop_front().fail(closed_error());
  while (!receivers_.empty()) receivers_.pop_front().succeed(std::optional<T>());
}

}  // namespace kit

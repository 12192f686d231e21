// SPDX-License-Identifier: Apache-2.0
// getaddrinfo on threads of its own: it blocks, for as long as the servers in resolv.conf do not
// answer.
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/net/resolver.hpp"

namespace kit::net {
namespace {

constexpr int most_threads = 4;

class Find;

struct Query {
  std::string host;
  Loop* loop = nullptr;
  std::mutex mutex;
  Find* waiting = nullptr;  // guarded; null: nobody waits any more
  std::optional<Result<Addresses>> answer;
};

Result<Addresses> ask_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int problem = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (problem != 0) {
    const bool unknown = problem == EAI_NONAME || problem == EAI_NODATA;
    return Error(Code::unavailable, "cannot find '" + host + "': " + ::gai_strerror(problem))
        .with_reason(unknown ? "HOST_NOT_FOUND" : "LOOKUP_FAILED");
  }
  Addresses addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    std::span<const std::uint8_t> bytes;
    if (one->ai_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(one->ai_addr);
      bytes = {reinterpret_cast<const std::uint8_t*>(&v4->sin_addr), 4};
    } else if (one->ai_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(one->ai_addr);
      bytes = {reinterpret_cast<const std::uint8_t*>(&v6->sin6_addr), 16};
    } else {
      continue;
    }
    const IpAddress address(bytes);
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
  }
  ::freeaddrinfo(found);
  return addresses;
}

/// Threads that start when there is something to do. They own what they touch: one that hangs when
/// the program ends is left behind.
class Threads : public std::enable_shared_from_this<Threads> {
 public:
  void add(std::shared_ptr<Query> query) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(query));
    if (idle_ == 0 && count_ < most_threads) {
      ++count_;
      std::thread([self = shared_from_this()] { self->work(); }).detach();
    } else {
      changed_.notify_one();
    }
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    queue_.clear();
    changed_.notify_all();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (!closed_) {
      if (queue_.empty()) {
        ++idle_;
        changed_.wait(lock);
        --idle_;
        continue;
      }
      const std::shared_ptr<Query> query = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      answer(query);
      lock.lock();
    }
  }
  static void answer(const std::shared_ptr<Query>& query);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Query>> queue_;
  int count_ = 0, idle_ = 0;
  bool closed_ = false;
};

class Find final : public Operation<Addresses> {
 public:
  Find(std::shared_ptr<Threads> threads, std::string host)
      : threads_(std::move(threads)), query_(std::make_shared<Query>()) {
    query_->host = std::move(host);
  }
  ~Find() { detach(); }
  /// On the loop's thread.
  void end() {
    Result<Addresses> answer = std::move(*query_->answer);
    detach();
    if (answer.ok()) {
      succeed(std::move(*answer));
    } else {
      fail(std::move(answer).error());
    }
  }

 private:
  void start() override {
    query_->loop = &Loop::current();
    query_->waiting = this;
    threads_->add(query_);
  }
  void detach() override {
    const std::lock_guard lock(query_->mutex);
    query_->waiting = nullptr;
  }

  std::shared_ptr<Threads> threads_;
  std::shared_ptr<Query> query_;
};

void Threads::answer(const std::shared_ptr<Query>& query) {
  {
    const std::lock_guard lock(query->mutex);
    if (query->waiting == nullptr) return;
  }
  Result<Addresses> found = ask_system(query->host);
  // While somebody waits the loop is there.
  const std::lock_guard lock(query->mutex);
  if (query->waiting == nullptr) return;
  query->answer.emplace(std::move(found));
  query->loop->post([query] {
    Find* waiting = nullptr;
    {
      const std::lock_guard again(query->mutex);
      waiting = query->waiting;
    }
    // Only this thread takes it away.
    if (waiting != nullptr) waiting->end();
  });
}

Task<Addresses> find(std::shared_ptr<Threads> threads, std::string host) {
  Find operation(std::move(threads), std::move(host));
  Addresses addresses = co_await operation;
  co_return addresses;
}

/// Ends the threads when the lookup goes.
class Owner {
 public:
  Owner() : threads_(std::make_shared<Threads>()) {}
  Owner(Owner&&) noexcept = default;
  Owner& operator=(Owner&&) noexcept = default;
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner() {
    if (threads_) threads_->close();
  }
  Task<Addresses> operator()(std::string host) { return find(threads_, std::move(host)); }

 private:
  std::shared_ptr<Threads> threads_;
};

}  // namespace

Lookup system_lookup() {
  return Owner();
}

}  // namespace kit::net

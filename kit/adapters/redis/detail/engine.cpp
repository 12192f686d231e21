// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/engine.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/adapters/redis/detail/cluster.hpp"
#include "kit/adapters/redis/detail/errors.hpp"
#include "kit/adapters/redis/detail/sentinel.hpp"
#include "kit/adapters/redis/detail/subscription.hpp"

namespace kit::redis::detail {
namespace {

/// The key that says where a transaction is: the first of its commands'.
std::vector<std::string_view> keys_of_all(Commands commands) {
  std::vector<std::string_view> all;
  for (const Command words : commands) {
    const auto keys = keys_of(find_command(words), words);
    all.insert(all.end(), keys.begin(), keys.end());
  }
  return all;
}

std::optional<std::string_view> first_of_keys(const std::vector<std::string_view>& keys) {
  if (keys.empty()) return std::nullopt;
  return keys.front();
}

Result<> check_all(Commands commands, std::size_t largest, bool is_own) {
  for (const Command words : commands) {
    KIT_TRY(check_command(find_command(words), words, largest, is_own));
  }
  return {};
}

}  // namespace

Task<std::vector<Reply>> send(std::shared_ptr<Node> node, Commands commands, bool are_reads) {
  for (bool is_again = false;; is_again = true) {
    Call call(node, commands);
    Result<> done = co_await as_result(call);
    if (done.ok()) co_return std::move(call.replies);
    const bool may_repeat = call.was_unsent || are_reads;
    if (is_again || !may_repeat || done.error().code() != Code::unavailable)
      co_return std::move(done).error();
    node->shared().counts.repeated.add();
  }
}

Engine::Engine(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)),
      listed_(std::make_shared<ListedCounter>("redis_connections_in_use", shared_->name)),
      threads_([shared = shared_] { return std::make_shared<Thread>(shared); }) {
  shared_->listed = listed_;
}

Engine::~Engine() = default;

std::shared_ptr<Thread> Engine::here() {
  std::shared_ptr<Thread> thread = threads_.here();
  thread->bind();
  if (shared_->dsn.layout == Layout::sentinel &&
      (thread->watching == nullptr || thread->watching->is_done)) {
    thread->run(thread->watching, watch_sentinels(thread), "redis: sentinels");
  }
  return thread;
}

Task<std::shared_ptr<Node>> Engine::node_of(std::shared_ptr<Thread> thread,
                                            std::optional<std::string_view> key) {
  if (shared_->dsn.layout != Layout::cluster) co_return thread->primary();
  std::optional<std::uint16_t> slot;
  if (key) slot = slot_of(*key);
  auto node = co_await find_node(std::move(thread), slot, false);
  co_return std::move(node);
}

Task<Reply> Engine::command(Command words, CommandOptions options) {
  const CommandInfo info = find_command(words);
  co_await check_command(info, words, shared_->options.largest_command, false);
  const std::shared_ptr<Thread> thread = here();
  if (shared_->dsn.layout == Layout::cluster) {
    Reply reply = co_await cluster_command(thread, words, info, options.key);
    co_return std::move(reply);
  }
  const Commands one(&words, 1);
  std::vector<Reply> replies = co_await send(thread->primary(), one, info.is_read);
  if (replies.front().is_error()) co_return replies.front().to_error();
  co_return std::move(replies.front());
}

Task<std::vector<Reply>> Engine::pipeline(Commands commands) {
  co_await check_all(commands, shared_->options.largest_command, false);
  const std::shared_ptr<Thread> thread = here();
  if (shared_->dsn.layout == Layout::cluster) {
    std::vector<Reply> replies = co_await cluster_pipeline(thread, commands);
    co_return std::move(replies);
  }
  const std::size_t most = shared_->options.pipeline_depth;
  std::vector<Reply> all;
  all.reserve(commands.size());
  for (std::size_t at = 0; at < commands.size(); at += most) {
    const Commands part = commands.subspan(at, std::min(most, commands.size() - at));
    std::vector<Reply> replies = co_await send(thread->primary(), part, false);
    std::ranges::move(replies, std::back_inserter(all));
  }
  co_return std::move(all);
}

Task<Reply> Engine::blocking(Command words, std::chrono::milliseconds server_wait) {
  const CommandInfo info = find_command(words);
  co_await check_command(info, words, shared_->options.largest_command, true);
  const std::shared_ptr<Thread> thread = here();
  const bool is_cluster = shared_->dsn.layout == Layout::cluster;
  const std::vector<std::string_view> keys = keys_of(info, words);
  if (is_cluster) static_cast<void>(co_await slot_of_keys(keys));
  Elsewhere at;
  at.node = co_await node_of(thread, first_of_keys(keys));
  for (int redirections = 0;; ++redirections) {
    auto lease = co_await at.node->lease();
    lease->note(words);
    std::string bytes;
    const std::array<std::string_view, 1> asking = {"ASKING"};
    if (at.asking) write_command(bytes, asking);
    write_command(bytes, words);
    Task<std::vector<Reply>> exchanging = lease->link().exchange(
        std::move(bytes), at.asking ? 2 : 1, answer_limit(shared_->options, server_wait));
    std::vector<Reply> replies = co_await std::move(exchanging);
    Reply& reply = replies.back();
    if (!reply.is_error()) co_return std::move(reply);
    auto next = is_cluster ? redirected(*thread, *at.node, reply) : std::nullopt;
    if (!next || redirections >= most_redirections) co_return reply.to_error();
    at = std::move(*next);
  }
}

Task<std::vector<Reply>> Engine::transaction(Commands commands) {
  if (commands.empty()) co_return std::vector<Reply>();
  const std::shared_ptr<Thread> thread = here();
  const std::vector<std::string_view> keys = keys_of_all(commands);
  const bool is_cluster = shared_->dsn.layout == Layout::cluster;
  if (is_cluster) static_cast<void>(co_await slot_of_keys(keys));
  auto node = co_await node_of(thread, first_of_keys(keys));
  for (int redirections = 0;; ++redirections) {
    auto lease = co_await node->lease();
    Session session(std::move(lease));
    Task<std::optional<std::vector<Reply>>> running = session.transaction(commands);
    auto done = co_await as_result(std::move(running));
    if (done.ok() && *done) co_return std::move(**done);
    if (done.ok()) co_return Error(Code::aborted, "Redis: EXEC did nothing");
    const Error* const cause = done.error().cause();
    const bool is_moved = is_cluster && cause != nullptr && redirections < most_redirections &&
                          cause->reason() == "REDIS_MOVED";
    if (!is_moved) co_return std::move(done).error();
    // Nothing was done. Its message is "Redis: MOVED 1 host:port".
    const std::string_view text = std::string_view(cause->message()).substr(7);
    const auto next = redirected(*thread, *node, Reply::error(std::string(text)));
    if (!next) co_return std::move(done).error();
    node = next->node;
  }
}

Task<Session> Engine::session(std::string_view key) {
  const std::shared_ptr<Thread> thread = here();
  std::optional<std::string_view> wanted;
  if (!key.empty()) wanted = key;
  auto node = co_await node_of(thread, wanted);
  auto lease = co_await node->lease();
  co_return Session(std::move(lease));
}

Task<> Engine::subscribe(Listening listening) {
  const std::shared_ptr<Thread> thread = here();
  listening.open = [this, thread] { return subscriber_line(thread); };
  co_await listen(thread, std::move(listening));
}

Task<Line> Engine::subscriber_line(std::shared_ptr<Thread> thread) {
  std::optional<std::string_view> no_key;
  auto node = co_await node_of(thread, no_key);
  Line line;
  line.lease = co_await node->lease(Node::Fresh::yes);
  line.lease->retire();
  co_return std::move(line);
}

}  // namespace kit::redis::detail

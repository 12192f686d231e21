// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <utility>

#include "kit/adapters/redis/detail/engine.hpp"
#include "kit/adapters/redis/detail/errors.hpp"

namespace kit::redis {
namespace {

using detail::check_command;
using detail::find_command;

/// The replies to MULTI, the commands and EXEC: what EXEC answered.
Result<std::optional<std::vector<Reply>>> executed(std::vector<Reply> replies) {
  Reply& exec = replies.back();
  if (exec.is_null()) return std::optional<std::vector<Reply>>();
  if (!exec.is_error()) return std::optional<std::vector<Reply>>(exec.take_items());
  Error why = exec.to_error();
  for (const Reply& queued : std::span(replies).first(replies.size() - 1)) {
    if (queued.is_error()) return std::move(why).with_cause(queued.to_error());
  }
  return why;
}

Result<> check_inside(const detail::CommandInfo& info) {
  if (info.use != detail::Use::own) return {};
  return Error(Code::failed_precondition,
               std::string(info.name) + " cannot be a part of a transaction")
      .with_reason("REDIS_NOT_SHARED");
}

}  // namespace

Session::Session(std::unique_ptr<detail::Lease> lease) : lease_(std::move(lease)) {}
Session::Session(Session&& other) noexcept = default;
Session& Session::operator=(Session&& other) noexcept = default;
Session::~Session() = default;

Task<Reply> Session::command(Command words, std::chrono::milliseconds server_wait) {
  const std::array<Command, 1> commands = {words};
  std::vector<Reply> replies = co_await exchange(commands, server_wait);
  if (replies.front().is_error()) co_return replies.front().to_error();
  co_return std::move(replies.front());
}

Task<std::vector<Reply>> Session::pipeline(std::span<const Command> commands) {
  return exchange(commands, {});
}

Task<std::vector<Reply>> Session::exchange(std::span<const Command> commands,
                                           std::chrono::milliseconds server_wait) {
  const RedisOptions& options = lease_->node()->shared().options;
  std::string bytes;
  for (const Command words : commands) {
    co_await check_command(find_command(words), words, options.largest_command, true);
    detail::write_command(bytes, words);
  }
  for (const Command words : commands) lease_->note(words);
  if (commands.empty()) co_return std::vector<Reply>();
  const Clock::duration limit = detail::answer_limit(options, server_wait);
  auto replies = co_await lease_->link().exchange(std::move(bytes), commands.size(), limit);
  // The next session is opened where the slot is now.
  for (const Reply& reply : replies) {
    if (!reply.is_error()) continue;
    const auto moved = detail::parse_redirection(reply.bytes(), lease_->node()->address());
    if (moved && reply.bytes().starts_with("MOVED")) lease_->node()->shared().slots.move(*moved);
  }
  co_return std::move(replies);
}

Task<std::optional<std::vector<Reply>>> Session::transaction(std::span<const Command> commands) {
  static constexpr std::array<std::string_view, 1> multi = {"MULTI"}, exec = {"EXEC"};
  std::vector<Command> all = {Command(multi)};
  for (const Command words : commands) {
    co_await check_inside(find_command(words));
    all.push_back(words);
  }
  all.push_back(Command(exec));
  std::vector<Reply> replies = co_await exchange(all, {});
  co_return executed(std::move(replies));
}

}  // namespace kit::redis

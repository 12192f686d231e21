// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/sentinel.hpp"

#include <array>
#include <utility>

#include "kit/adapters/redis/detail/errors.hpp"
#include "kit/adapters/redis/detail/subscription.hpp"
#include "kit/base/text.hpp"

namespace kit::redis::detail {
namespace {

Error not_primary(std::string what) {
  return Error(Code::unavailable, std::move(what)).with_reason("REDIS_NO_PRIMARY");
}

Task<Address> ask(std::shared_ptr<Thread> thread, Address sentinel) {
  const std::shared_ptr<Shared> shared = thread->shared();
  auto link = co_await open_link(thread, sentinel, Purpose::sentinel);
  const std::array<std::string_view, 3> words = {"SENTINEL", "GET-MASTER-ADDR-BY-NAME",
                                                 shared->dsn.primary};
  Reply reply = co_await link->call(words, shared->options.response_timeout);
  if (reply.is_error()) co_return reply.to_error();
  if (reply.items().size() != 2) {
    co_return not_primary("the Sentinel at " + sentinel.shown() + " knows no '" +
                          shared->dsn.primary + "'");
  }
  Address address;
  address.host = reply.items()[0].bytes();
  const std::int64_t port = co_await reply.items()[1].as_integer();
  if (address.host.empty() || port < 1 || port > 65'535)
    co_return protocol_error("an address that is none");
  address.port = static_cast<int>(port);
  co_return std::move(address);
}

Task<std::unique_ptr<Link>> open_named(std::shared_ptr<Thread> thread, Address sentinel) {
  const std::shared_ptr<Shared> shared = thread->shared();
  Address address = co_await ask(thread, std::move(sentinel));
  const std::string where = address.shown();
  auto link = co_await open_link(thread, std::move(address), Purpose::any);
  // A Sentinel may not know yet.
  const std::array<std::string_view, 1> words = {"ROLE"};
  Reply role = co_await link->call(words, shared->options.response_timeout);
  if (role.is_error()) co_return role.to_error();
  if (role.items().empty() || role.items()[0].bytes() != "master")
    co_return not_primary("Redis at " + where + " takes no writes");
  co_return std::move(link);
}

Task<Line> sentinel_line(std::shared_ptr<Thread> thread, Address sentinel) {
  Line line;
  line.own = co_await open_link(std::move(thread), std::move(sentinel), Purpose::sentinel);
  co_return std::move(line);
}

bool names(std::string_view message, std::string_view primary) {
  return message.starts_with(primary) && message.substr(primary.size()).starts_with(' ');
}

}  // namespace

Task<std::unique_ptr<Link>> open_primary(std::shared_ptr<Thread> thread) {
  const std::shared_ptr<Shared> shared = thread->shared();
  const std::vector<Address>& sentinels = shared->dsn.hosts;
  std::optional<Error> why;
  for (std::size_t i = 0; i < sentinels.size(); ++i) {
    const std::size_t which = thread->next_sentinel % sentinels.size();
    Task<std::unique_ptr<Link>> opening = open_named(thread, sentinels[which]);
    auto link = co_await as_result(std::move(opening));
    if (link.ok()) co_return std::move(*link);
    if (link.error().code() != Code::unavailable) co_return std::move(link).error();
    why.emplace(std::move(link).error());
    thread->next_sentinel = which + 1;
  }
  co_return unreachable(shared->name, std::move(*why));
}

Task<> watch_sentinels(std::shared_ptr<Thread> thread) {
  Listening listening;
  listening.channels = {"+switch-master"};
  std::size_t next = thread->next_sentinel;
  Thread* const owner = thread.get();  // which has the task that this is
  listening.open = [owner, next]() mutable {
    const std::vector<Address>& sentinels = owner->shared()->dsn.hosts;
    return sentinel_line(owner->shared_from_this(), sentinels[next++ % sentinels.size()]);
  };
  listening.subscriber.on_message = [owner](std::string_view, std::string_view message) {
    if (names(message, owner->shared()->dsn.primary)) owner->primary()->renew();
  };
  // What the Sentinels have said meanwhile is asked for with a new connection.
  listening.subscriber.on_missed = [owner] { owner->primary()->renew(); };
  Task<> listening_task = listen(std::move(thread), std::move(listening));
  co_await std::move(listening_task);
}

}  // namespace kit::redis::detail

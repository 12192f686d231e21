// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/cluster.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "kit/adapters/redis/detail/errors.hpp"
#include "kit/adapters/redis/detail/refresh.hpp"
#include "kit/async/task_group.hpp"

namespace kit::redis::detail {
namespace {

constexpr std::chrono::milliseconds try_again_after{20};

Error unserved(std::uint16_t slot) {
  return Error(Code::unavailable,
               "no node of the cluster is known to have slot " + std::to_string(slot))
      .with_reason("REDIS_SLOT_UNSERVED");
}

/// One command to whoever has its slot, following redirections.
class Route {
 public:
  Route(std::shared_ptr<Thread> thread, Command words, std::optional<std::uint16_t> slot,
        bool is_read)
      : thread_(std::move(thread)), words_(words), slot_(slot), is_read_(is_read) {}

  /// An error of the server is a reply.
  Task<Reply> run() {
    Elsewhere at;
    at.node = co_await find_node(thread_, slot_, is_read_);
    for (;;) {
      auto reply = co_await as_result(send_to(at));
      if (!reply.ok()) {
        at.node = co_await after_loss(std::move(reply).error());
        at.asking = false;
        continue;
      }
      if (!reply->is_error()) co_return std::move(*reply);
      if (auto next = redirected(*thread_, *at.node, *reply)) {
        if (++redirections_ > most_redirections) co_return std::move(*reply);
        thread_->shared()->counts.redirected.add();
        at = std::move(*next);
        maintain(*thread_);
        continue;
      }
      const std::string_view word = error_word(reply->bytes());
      if (word == "CLUSTERDOWN" || word == "READONLY") thread_->shared()->slots.doubt();
      if (word != "TRYAGAIN" || ++redirections_ > most_redirections) co_return std::move(*reply);
      co_await sleep_for(thread_->jittered(try_again_after * redirections_));
    }
  }

 private:
  Task<Reply> send_to(const Elsewhere& at) {
    static constexpr std::array<std::string_view, 1> asking = {"ASKING"};
    const std::array<Command, 2> both = {Command(asking), words_};
    const Commands commands = at.asking ? Commands(both) : Commands(both).last(1);
    std::vector<Reply> replies = co_await send(at.node, commands, is_read_);
    co_return std::move(replies.back());
  }

  /// Whom to ask instead, once, for what changes nothing.
  Task<std::shared_ptr<Node>> after_loss(Error why) {
    maintain(*thread_);
    if (!is_read_ || was_lost_ || why.code() != Code::unavailable) co_return why;
    was_lost_ = true;
    co_await refreshed(thread_);
    // Not another replica, which may be lost too.
    auto node = co_await find_node(thread_, slot_, false);
    co_return std::move(node);
  }

  std::shared_ptr<Thread> thread_;
  const Command words_;
  const std::optional<std::uint16_t> slot_;
  const bool is_read_;
  bool was_lost_ = false;
  int redirections_ = 0;
};

/// Those commands of a pipeline that one node has.
struct Group {
  std::shared_ptr<Node> node;
  std::vector<Command> commands;
  std::vector<std::size_t> places;  // in the pipeline
};

Task<> run_group(Group* group, std::vector<Reply>* into, std::size_t most) {
  const Commands commands = group->commands;
  for (std::size_t at = 0; at < commands.size(); at += most) {
    const Commands part = commands.subspan(at, std::min(most, commands.size() - at));
    std::vector<Reply> replies = co_await send(group->node, part, false);
    for (std::size_t i = 0; i < replies.size(); ++i) {
      (*into)[group->places[at + i]] = std::move(replies[i]);
    }
  }
}

bool wants_another_node(const Reply& reply) {
  if (!reply.is_error()) return false;
  const std::string_view word = error_word(reply.bytes());
  return word == "MOVED" || word == "ASK" || word == "TRYAGAIN";
}

struct Routed {
  std::optional<std::uint16_t> slot;
  bool is_read = false;
};

Result<std::vector<Routed>> routes_of(Commands commands) {
  std::vector<Routed> routes;
  for (const Command words : commands) {
    const CommandInfo info = find_command(words);
    auto slot = slot_of_keys(keys_of(info, words));
    if (!slot) return std::move(slot).error();
    routes.push_back({*slot, info.is_read});
  }
  return routes;
}

bool can_split(const CommandInfo& info) {
  constexpr std::array<std::string_view, 5> names = {"DEL", "EXISTS", "MGET", "TOUCH", "UNLINK"};
  return std::ranges::find(names, info.name) != names.end();
}

/// What the parts of a split command answered, as one reply. `places`: of each part's keys.
Result<Reply> joined(const CommandInfo& info, std::vector<Reply> parts,
                     const std::vector<std::vector<std::size_t>>& places, std::size_t count) {
  std::int64_t sum = 0;
  std::vector<Reply> values(info.name == "MGET" ? count : 0);
  for (std::size_t part = 0; part < parts.size(); ++part) {
    if (parts[part].is_error()) return parts[part].to_error();
    if (info.name != "MGET") {
      auto number = parts[part].as_integer();
      if (!number) return std::move(number).error();
      sum += *number;
      continue;
    }
    std::vector<Reply> items = parts[part].take_items();
    if (items.size() != places[part].size()) return protocol_error("MGET with too few answers");
    for (std::size_t i = 0; i < items.size(); ++i) values[places[part][i]] = std::move(items[i]);
  }
  if (info.name != "MGET") return Reply::integer(sum);
  return Reply::aggregate(Reply::Kind::array, std::move(values));
}

Task<Reply> split_command(std::shared_ptr<Thread> thread, Command words, CommandInfo info,
                          std::vector<std::string_view> keys) {
  std::map<std::uint16_t, std::size_t> part_of;
  std::vector<std::vector<std::string_view>> parts;
  std::vector<std::vector<std::size_t>> places;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto [found, is_new] = part_of.try_emplace(slot_of(keys[i]), parts.size());
    if (is_new) {
      parts.push_back({words[0]});
      places.emplace_back();
    }
    parts[found->second].push_back(keys[i]);
    places[found->second].push_back(i);
  }
  const std::vector<Command> commands(parts.begin(), parts.end());
  std::vector<Reply> replies = co_await cluster_pipeline(thread, commands);
  co_return joined(info, std::move(replies), places, keys.size());
}

}  // namespace

Task<std::shared_ptr<Node>> find_node(std::shared_ptr<Thread> thread,
                                      std::optional<std::uint16_t> slot, bool is_read) {
  maintain(*thread);
  std::shared_ptr<const SlotMap> map = thread->map();
  if (map->shards.empty()) {
    co_await refreshed(thread);
    map = thread->map();
    if (map->shards.empty()) co_return unserved(slot.value_or(0));
  }
  const SlotMap::Shard* shard =
      slot ? map->find(*slot) : &map->shards[thread->any_below(map->shards.size())];
  if (shard == nullptr) {
    thread->shared()->slots.doubt();
    co_return unserved(*slot);
  }
  const bool use_replica =
      is_read && thread->shared()->options.read_replicas && !shard->replicas.empty();
  if (!use_replica) co_return thread->node(shard->primary);
  const std::size_t which = thread->any_below(shard->replicas.size());
  co_return thread->node(shard->replicas[which], true);
}

std::optional<Elsewhere> redirected(Thread& thread, const Node& from, const Reply& reply) {
  const auto redirection = parse_redirection(reply.bytes(), from.address());
  if (!redirection) return std::nullopt;
  Elsewhere elsewhere;
  elsewhere.asking = error_word(reply.bytes()) == "ASK";
  if (!elsewhere.asking) thread.shared()->slots.move(*redirection);
  elsewhere.node = thread.node(redirection->to);
  return elsewhere;
}

Result<std::optional<std::uint16_t>> slot_of_keys(const std::vector<std::string_view>& keys) {
  std::optional<std::uint16_t> slot;
  for (const std::string_view key : keys) {
    const std::uint16_t its = slot_of(key);
    if (slot && *slot != its) {
      return Error(Code::invalid_argument,
                   "the keys of one command are in several slots of the cluster; give them one "
                   "hash tag, like {order-7}:lines, or send one command for each")
          .with_reason("REDIS_CROSSSLOT");
    }
    slot = its;
  }
  return slot;
}

Task<Reply> cluster_command(std::shared_ptr<Thread> thread, Command words, CommandInfo info,
                            std::optional<std::string_view> key) {
  std::vector<std::string_view> keys = key ? std::vector{*key} : keys_of(info, words);
  if (info.keys == Keys::each_node && !key) {
    co_return Error(Code::invalid_argument,
                    std::string(info.name) +
                        " answers for one node of the cluster only; name one "
                        "by CommandOptions::key, or connect to it alone")
        .with_reason("REDIS_ONE_NODE");
  }
  auto slot = slot_of_keys(keys);
  if (!slot.ok() && can_split(info)) {
    Reply reply = co_await split_command(std::move(thread), words, info, std::move(keys));
    co_return std::move(reply);
  }
  if (!slot.ok()) co_return std::move(slot).error();
  Route route(std::move(thread), words, *slot, info.is_read);
  Reply reply = co_await route.run();
  if (reply.is_error()) co_return reply.to_error();
  co_return std::move(reply);
}

Task<std::vector<Reply>> cluster_pipeline(std::shared_ptr<Thread> thread, Commands commands) {
  std::vector<Routed> routes = co_await routes_of(commands);
  std::map<const Node*, Group> groups;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    auto node = co_await find_node(thread, routes[i].slot, routes[i].is_read);
    Group& group = groups[node.get()];
    group.node = std::move(node);
    group.commands.push_back(commands[i]);
    group.places.push_back(i);
  }
  std::vector<Reply> replies(commands.size());
  {
    TaskGroup sending("redis: pipeline");
    const std::size_t most = thread->shared()->options.pipeline_depth;
    for (auto& [node, group] : groups) sending.spawn(run_group(&group, &replies, most));
    auto sent = co_await as_result(sending.join());
    if (!sent.ok()) {
      maintain(*thread);
      co_await std::move(sent).error();
    }
  }
  // In their order, so that those of one slot keep it.
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (!wants_another_node(replies[i])) continue;
    Route route(thread, commands[i], routes[i].slot, routes[i].is_read);
    replies[i] = co_await route.run();
  }
  co_return std::move(replies);
}

}  // namespace kit::redis::detail

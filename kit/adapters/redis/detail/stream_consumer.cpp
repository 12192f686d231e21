// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/stream_consumer.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "kit/adapters/redis/detail/stream_form.hpp"
#include "kit/adapters/redis/detail/stream_scripts.hpp"
#include "kit/async/operation.hpp"
#include "kit/base/text.hpp"
#include "kit/base/uuid.hpp"
#include "kit/log/log.hpp"
#include "kit/queue/limits.hpp"

namespace kit::redis::detail {
namespace {

using queue::Delivery;
using std::chrono::milliseconds;
using Texts = std::vector<std::string_view>;

log::Module streams_log{"streams"};

// Of one reply, which may be of the largest messages: the client takes no larger ones.
constexpr std::size_t most_at_once = 50;

Error closed_error() {
  return Error(Code::unavailable, "the consumer has left its group").with_reason("QUEUE_CLOSED");
}

Error lost_error() {
  return Error(Code::aborted, "a message was taken from this member before it acknowledged")
      .with_reason("DELIVERY_LOST");
}

}  // namespace

std::optional<StreamId> StreamId::parse(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '-');
  const auto time = parts.size() == 2 ? parse_int(parts[0]) : std::nullopt;
  const auto count = parts.size() == 2 ? parse_int(parts[1]) : std::nullopt;
  if (!time || !count || *time < 0 || *count < 0) return std::nullopt;
  StreamId id;
  id.time = static_cast<std::uint64_t>(*time);
  id.count = static_cast<std::uint64_t>(*count);
  return id;
}

std::string StreamId::to_string() const {
  return std::to_string(time) + "-" + std::to_string(count);
}

void StreamPart::begin_pass(Clock::time_point now) {
  if (after != ">") return;
  const bool is_due = unsure || std::ranges::any_of(out, [now](const auto& one) {
                        return one.second.until <= now;
                      });
  if (!is_due) return;
  after = "0-0";
  pass_began = now;
}

void StreamPart::end_pass() {
  after = ">";
  // What was due, but is not pending any more: acknowledged without an answer, or removed.
  std::erase_if(out, [this](const auto& one) { return one.second.until <= pass_began; });
}

std::vector<std::string> StreamPart::not_due(Clock::time_point now) {
  std::set<std::string_view> keys;
  std::vector<std::string> left_out;
  for (auto& [id, one] : out) {
    if (one.until <= now) keys.insert(one.key);
    if (keys.contains(one.key)) {
      one.until = std::min(one.until, now);  // also when it finds no room in this call
    } else {
      left_out.push_back(id.to_string());
    }
  }
  return left_out;
}

void StreamPart::forget() {
  owned = leaving = unsure = false;
  after = ">";
  out.clear();
}

StreamConsumer::StreamConsumer(std::shared_ptr<StreamShared> shared, std::string group,
                               std::vector<StreamTopic> topics, std::vector<StreamPart> parts)
    : shared_(std::move(shared)),
      group_(std::move(group)),
      member_(Uuid::make_v7().to_string()),
      topics_(std::move(topics)),
      parts_(std::move(parts)) {}

std::string StreamConsumer::lease_ms() const {
  return std::to_string(shared_->options.redeliver_after.count());
}

std::size_t StreamConsumer::held() const {
  std::size_t count = 0;
  for (const StreamPart& part : parts_) count += part.out.size();
  return count;
}

Clock::time_point StreamConsumer::next_due() const {
  Clock::time_point due = Clock::time_point::max();
  for (const StreamPart& part : parts_) {
    for (const auto& [id, out] : part.out) due = std::min(due, out.until);
  }
  return due;
}

void StreamConsumer::lose(StreamPart& part) {
  if (!part.owned) return;
  shared_->counts.lost.fetch_add(1, std::memory_order_relaxed);
  part.forget();
}

Task<> StreamConsumer::give_up(StreamPart* part) {
  const Texts keys{part->lease};
  const std::string call = std::to_string(++part->calls);
  const Texts arguments{member_, call};
  part->forget();
  co_await shared_->client->run(release_script(), keys, arguments);
}

Task<> StreamConsumer::share(const StreamTopic* topic) {
  const std::string lease = lease_ms();
  const Texts keys{topic->members};
  const Texts arguments{member_, lease};
  const Reply counted = co_await shared_->client->run(member_script(), keys, arguments);
  const std::int64_t members = co_await counted.as_integer();
  const std::int64_t most = (topic->partitions + members - 1) / std::max<std::int64_t>(members, 1);
  std::int64_t owned = 0;
  const auto first = parts_.begin() + topic->first;
  for (auto part = first; part != first + topic->partitions; ++part) {
    if (!part->owned) continue;
    // What is beyond this member's share goes as soon as nothing of it is out.
    part->leaving = ++owned > most;
    std::vector<Delivery> none;
    if (part->leaving && part->out.empty()) {
      co_await give_up(&*part);
    } else {
      co_await read(&*part, 0, &none);  // it stays this member's, though nothing of it is read
    }
  }
  for (auto part = first; part != first + topic->partitions && owned < most; ++part) {
    if (part->owned) continue;
    std::vector<Delivery> none;
    const bool taken = co_await read(&*part, 0, &none);
    if (taken) ++owned;
  }
}

Task<> StreamConsumer::balance() {
  for (const StreamTopic& topic : topics_) co_await share(&topic);
  const milliseconds pause =
      std::clamp(shared_->options.redeliver_after / 4, milliseconds(10), milliseconds(1'000));
  balance_at_ = Loop::current().now() + pause;
}

bool StreamConsumer::in_pass() const {
  return std::ranges::any_of(parts_, &StreamPart::in_pass);
}

Task<bool> StreamConsumer::read(StreamPart* part, std::size_t limit, std::vector<Delivery>* out) {
  const std::string lease = lease_ms();
  const std::string count = std::to_string(std::min(limit, most_at_once));
  const std::string call = std::to_string(++part->calls);
  const bool in_pass = part->in_pass();
  std::vector<std::string> left_out;
  if (in_pass) left_out = part->not_due(Loop::current().now());
  const Texts keys{part->stream, part->lease};
  Texts arguments{group_, member_, lease, call, part->after, count};
  arguments.insert(arguments.end(), left_out.begin(), left_out.end());
  // Until there is an answer, something may have been read in vain.
  const bool was_unsure = std::exchange(part->unsure, true);
  const Reply taken = co_await shared_->client->run(take_script(), keys, arguments);
  // A pass that began after it finds that.
  part->unsure = was_unsure && !in_pass;
  co_await note_taken(part, &taken);
  if (part->owned && limit > 0) co_await add_entries(*part, taken, *out);
  co_return part->owned;
}

/// What a reply says of the stream itself.
Task<> StreamConsumer::note_taken(StreamPart* part, const Reply* taken) {
  if (taken->items().size() != 5) {
    co_await Error(Code::internal, "a script's reply is none")
        .with_reason("REDIS_UNEXPECTED_REPLY");
  }
  const std::string state = co_await taken->items()[0].as_text();
  const std::int64_t gone = co_await taken->items()[4].as_integer();
  if (gone > 0) {
    shared_->counts.removed.fetch_add(static_cast<std::uint64_t>(gone), std::memory_order_relaxed);
    log::error(streams_log, "messages were removed from a stream before they were acknowledged",
               {{"stream", part->stream}, {"group", group_}, {"messages", gone}});
  }
  if (state != "mine") lose(*part);  // what it held may have been another's meanwhile
  if (state == "other" || state == "late" || part->owned) co_return;
  shared_->counts.acquired.fetch_add(1, std::memory_order_relaxed);
  part->owned = true;
  part->unsure = false;
  part->after = "0-0";
  part->pass_began = Loop::current().now();
}

Result<> StreamConsumer::add_entries(StreamPart& part, const Reply& taken,
                                     std::vector<Delivery>& out) {
  const Clock::time_point until = Loop::current().now() + shared_->options.redeliver_after;
  const std::vector<Reply>& entries = taken.items()[1].items();
  const std::vector<Reply>& counts = taken.items()[2].items();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto id = entries[i].items().size() == 2 ? StreamId::parse(entries[i].items()[0].bytes())
                                                   : std::nullopt;
    if (!id) {
      return Error(Code::internal, "an entry of a stream has no id")
          .with_reason("REDIS_UNEXPECTED_REPLY");
    }
    const std::string position = make_position(part.topic, part.number, id->to_string());
    auto message = read_fields(entries[i].items()[1], part.topic, position);
    if (!message) return std::move(message).error();
    part.out[*id] = {message->key, until};
    Delivery& delivery = out.emplace_back();
    delivery.position = position;
    delivery.message = std::move(*message);
    if (i >= counts.size()) continue;
    const auto count = counts[i].as_integer();
    if (!count) return count.error().clone();
    delivery.attempt = static_cast<int>(*count);
    if (*count > 1) shared_->counts.redelivered.fetch_add(1, std::memory_order_relaxed);
  }
  if (!part.in_pass()) return {};
  part.after = taken.items()[3].bytes();
  if (part.after.empty()) part.end_pass();
  return {};
}

Task<> StreamConsumer::read_all(std::size_t limit, std::vector<Delivery>* out) {
  if (Loop::current().now() >= balance_at_) co_await balance();
  ++turn_;  // another stream is first each time
  for (std::size_t i = 0; i < parts_.size() && out->size() < limit; ++i) {
    StreamPart& part = parts_[(i + turn_) % parts_.size()];
    if (!part.owned) continue;
    part.begin_pass(Loop::current().now());
    std::size_t room = limit - out->size();
    if (part.after == ">") {
      const std::size_t count = held();
      if (part.leaving || count >= shared_->options.most_held) continue;
      room = std::min(room, shared_->options.most_held - count);
    }
    co_await read(&part, room, out);
  }
}

Task<std::vector<Delivery>> StreamConsumer::receive(std::size_t limit, milliseconds wait) {
  const Clock::time_point end = Loop::current().now() + wait;
  limit = std::min(limit, queue::most_messages);
  std::vector<Delivery> out;
  rest_ = {};
  while (true) {
    if (closed_) co_return closed_error();
    const Result<> done = co_await as_result(read_all(limit, &out));
    // What has come so far is not held back by what failed; that is said at the next call.
    if (!done && out.empty()) co_await done.error().clone();
    if (!out.empty() || Loop::current().now() >= end) break;
    const Clock::time_point until = std::min(std::min(end, next_due()), balance_at_);
    if (!in_pass()) co_await rest(until);
  }
  shared_->counts.received.fetch_add(out.size(), std::memory_order_relaxed);
  co_return out;
}

Task<> StreamConsumer::rest(Clock::time_point until) {
  constexpr Clock::duration shortest = milliseconds(5);
  constexpr Clock::duration longest = milliseconds(100);
  rest_ = std::clamp(rest_ * 2, shortest, longest);
  const Clock::duration left = until - Loop::current().now();
  co_await sleep_for(std::clamp(left, Clock::duration(0), rest_));
}

Task<> StreamConsumer::acknowledge(std::span<const Delivery> deliveries) {
  bool all = !closed_ || deliveries.empty();
  std::map<StreamPart*, std::vector<StreamId>> ids;
  for (const Delivery& delivery : deliveries) {
    const std::vector<std::string_view> place = split(delivery.position, '/');
    const auto id = place.size() == 3 ? StreamId::parse(place[2]) : std::nullopt;
    const auto number = id ? parse_int(place[1]) : std::nullopt;
    const auto part = std::ranges::find_if(parts_, [&](const StreamPart& one) {
      return number && one.number == *number && one.topic == place[0];
    });
    if (part == parts_.end() || !part->owned || !part->out.contains(*id)) {
      all = false;
      continue;
    }
    ids[&*part].push_back(*id);
  }
  const std::string lease = lease_ms();
  for (const auto& [part, names] : ids) {
    const Texts keys{part->stream, part->lease};
    Texts arguments{group_, member_, lease};
    std::vector<std::string> texts;
    for (const StreamId& id : names) texts.push_back(id.to_string());
    arguments.insert(arguments.end(), texts.begin(), texts.end());
    const Reply done = co_await shared_->client->run(acknowledge_script(), keys, arguments);
    const bool is_ours = co_await done.as_boolean();
    if (is_ours) {
      for (const StreamId& id : names) part->out.erase(id);
    } else {
      lose(*part);
      all = false;
    }
  }
  if (!all) co_await lost_error();
}

Task<> StreamConsumer::close() {
  if (std::exchange(closed_, true)) co_return;
  for (StreamPart& part : parts_) {
    if (part.owned) co_await give_up(&part);
  }
  for (const StreamTopic& topic : topics_) {
    const std::array<std::string_view, 3> words{"ZREM", topic.members, member_};
    co_await shared_->client->command(words);
  }
}

}  // namespace kit::redis::detail

// SPDX-License-Identifier: Apache-2.0
#include "kit/queue/detail/memory_group.hpp"

#include <utility>

namespace kit::queue::detail {

void MemoryGroup::add(std::shared_ptr<Stored> stored) {
  const std::uint64_t sequence = stored->sequence;
  ++stored->groups;
  lanes_[stored->message->key].entries.insert(sequence);
  waiting_.insert(sequence);
  Entry entry;
  entry.stored = std::move(stored);
  entries_.emplace(sequence, std::move(entry));
}

void MemoryGroup::take(std::uint64_t member, std::size_t limit, Stop until,
                       std::vector<Delivery>& out) {
  for (auto at = waiting_.begin(); at != waiting_.end() && out.size() < limit;) {
    Entry& entry = entries_.at(*at);
    const Message& message = *entry.stored->message;
    Lane& lane = lanes_.at(message.key);
    if (lane.out > 0 && lane.member != member) {
      ++at;
      continue;
    }
    if (lane.out > 0) held_.erase({lane.until, &lane});
    lane.member = member;
    lane.until = until;
    ++lane.out;
    held_.insert({until, &lane});
    entry.out = true;
    ++entry.attempt;
    Delivery& delivery = out.emplace_back();
    delivery.message = message;
    delivery.attempt = entry.attempt;
    delivery.position =
        message.topic + "/" + std::to_string(*at) + "/" + std::to_string(entry.attempt);
    at = waiting_.erase(at);
  }
}

std::shared_ptr<Stored> MemoryGroup::acknowledge(std::uint64_t sequence, int attempt, Stop until) {
  const auto found = entries_.find(sequence);
  if (found == entries_.end() || found->second.attempt != attempt) return nullptr;
  std::shared_ptr<Stored> stored = std::move(found->second.stored);
  const auto lane_at = lanes_.find(stored->message->key);
  Lane& lane = lane_at->second;
  if (found->second.out) {
    held_.erase({lane.until, &lane});
    lane.until = until;
    if (--lane.out > 0) held_.insert({until, &lane});
  } else {
    waiting_.erase(sequence);  // its time was over, but nobody has taken it since
  }
  lane.entries.erase(sequence);
  entries_.erase(found);
  if (lane.entries.empty()) lanes_.erase(lane_at);
  --stored->groups;
  return stored;
}

void MemoryGroup::free(Lane& lane) {
  for (const std::uint64_t sequence : lane.entries) {
    Entry& entry = entries_.at(sequence);
    if (!std::exchange(entry.out, false)) continue;
    waiting_.insert(sequence);
  }
  held_.erase({lane.until, &lane});
  lane.out = 0;
}

void MemoryGroup::release(std::uint64_t member) {
  for (auto at = held_.begin(); at != held_.end();) {
    Lane& lane = *(at++)->second;
    if (lane.member == member) free(lane);
  }
}

void MemoryGroup::expire(Stop now) {
  while (!held_.empty() && held_.begin()->first <= now) free(*held_.begin()->second);
}

MemoryGroup::Stop MemoryGroup::next_expiry() const {
  return held_.empty() ? Stop::max() : held_.begin()->first;
}

}  // namespace kit::queue::detail

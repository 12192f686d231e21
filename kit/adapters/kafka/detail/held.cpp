// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/detail/held.hpp"

#include "kit/adapters/kafka/detail/message_form.hpp"
#include "kit/queue/limits.hpp"

namespace kit::kafka::detail {

void Held::assign(const Place& place) {
  parts_.try_emplace(place);
}

bool Held::revoke(const Place& place) {
  const auto part = parts_.find(place);
  if (part == parts_.end()) return false;
  for (auto& [offset, entry] : part->second.entries) {
    --messages_;
    if (entry.message != nullptr) let_go(place, offset, entry);
  }
  parts_.erase(part);
  return true;
}

std::vector<Held::Place> Held::places() const {
  std::vector<Place> places;
  for (const auto& [place, part] : parts_) places.push_back(place);
  return places;
}

void Held::let_go(const Place& place, std::int64_t offset, Entry& entry) {
  due_.erase({entry.until, {place, offset}});
  bytes_ -= entry.bytes;
  entry.message.reset();
}

std::optional<queue::Delivery> Held::add(queue::Message message, const Place& place,
                                         std::int64_t offset, Clock::time_point until) {
  const auto found = parts_.find(place);
  if (found == parts_.end()) return std::nullopt;
  if (found->second.first >= 0 && offset <= found->second.last) {
    // The brokers lost their place, or the topic was made anew: what is held comes again.
    revoke(place);
  }
  Part& part = parts_[place];
  if (part.first < 0) part.first = part.committed = offset;
  part.last = offset;
  Entry entry;
  entry.bytes = queue::weight(message);
  entry.until = until;
  ++messages_;
  bytes_ += entry.bytes;
  due_.insert({until, {place, offset}});
  queue::Delivery delivery;
  delivery.message = message;
  delivery.position = make_position(place.first, place.second, offset);
  entry.message = std::make_shared<const queue::Message>(std::move(message));
  part.entries.emplace(offset, std::move(entry));
  return delivery;
}

bool Held::acknowledge(const Place& place, std::int64_t offset) {
  const auto found = parts_.find(place);
  if (found == parts_.end()) return false;
  Part& part = found->second;
  if (part.first < 0 || offset < part.first || offset > part.last) return false;
  const auto entry = part.entries.find(offset);
  if (entry == part.entries.end()) return true;  // acknowledged before
  if (entry->second.message != nullptr) let_go(place, offset, entry->second);
  while (!part.entries.empty() && part.entries.begin()->second.message == nullptr) {
    part.entries.erase(part.entries.begin());
    --messages_;
  }
  return true;
}

std::vector<std::pair<Held::Place, std::int64_t>> Held::to_commit() const {
  std::vector<std::pair<Place, std::int64_t>> positions;
  for (const auto& [place, part] : parts_) {
    if (part.first >= 0 && part.next() > part.committed) positions.emplace_back(place, part.next());
  }
  return positions;
}

void Held::committed(const Place& place, std::int64_t next) {
  const auto found = parts_.find(place);
  if (found != parts_.end() && next > found->second.committed) found->second.committed = next;
}

void Held::take_due(const Place& place, Part& part, Clock::time_point now, Clock::time_point until,
                    std::size_t limit, std::vector<queue::Delivery>& out) {
  std::set<std::string_view> keys;
  for (auto& [offset, entry] : part.entries) {
    if (entry.message == nullptr) continue;
    const std::string_view key = entry.message->key;
    const bool is_due = entry.until <= now;
    if (is_due) keys.insert(key);
    if (!is_due && !keys.contains(key)) continue;
    const bool has_room = out.size() < limit;
    due_.erase({entry.until, {place, offset}});
    entry.until = has_room ? until : now;  // what finds no room is due at the next call
    due_.insert({entry.until, {place, offset}});
    if (!has_room) continue;
    queue::Delivery& delivery = out.emplace_back();
    delivery.message = *entry.message;
    delivery.position = make_position(place.first, place.second, offset);
    delivery.attempt = ++entry.attempt;
  }
}

void Held::take_due(Clock::time_point now, Clock::time_point until, std::size_t limit,
                    std::vector<queue::Delivery>& out) {
  while (next_due() <= now && out.size() < limit) {
    const Place place = due_.begin()->second.first;
    take_due(place, parts_.at(place), now, until, limit, out);
  }
}

Clock::time_point Held::next_due() const {
  return due_.empty() ? Clock::time_point::max() : due_.begin()->first;
}

}  // namespace kit::kafka::detail

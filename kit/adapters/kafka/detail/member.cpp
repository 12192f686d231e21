// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/detail/member.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "kit/adapters/kafka/detail/errors.hpp"
#include "kit/adapters/kafka/detail/message_form.hpp"

namespace kit::kafka::detail {
namespace {

std::span<const rd_kafka_topic_partition_t> items(const rd_kafka_topic_partition_list_t& list) {
  return {list.elems, static_cast<std::size_t>(list.cnt)};
}

PartitionList make_list(std::size_t size) {
  return PartitionList(rd_kafka_topic_partition_list_new(static_cast<int>(size)));
}

Held::Place place_of(const rd_kafka_topic_partition_t& item) {
  return {item.topic, item.partition};
}

}  // namespace

Member::Member(const KafkaOptions& options, std::shared_ptr<ConsumerCounts> counts)
    : options_(options), counts_(std::move(counts)) {}

Result<std::unique_ptr<Member>> Member::join(const KafkaOptions& options, const Dsn& dsn,
                                             const ConsumerSetting& setting, int descriptor) {
  auto configuration = consumer_configuration(options, dsn, setting.group);
  if (!configuration) return std::move(configuration).error();
  auto member = std::make_unique<Member>(options, setting.counts);
  rd_kafka_conf_set_opaque(configuration->get(), member.get());
  rd_kafka_conf_set_rebalance_cb(configuration->get(), on_rebalance);
  auto client = make_client(RD_KAFKA_CONSUMER, std::move(*configuration));
  if (!client) return std::move(client).error();
  member->client_ = *client;
  rd_kafka_poll_set_consumer(*client);
  member->messages_.reset(rd_kafka_queue_get_consumer(*client));
  member->commits_.reset(rd_kafka_queue_new(*client));
  const std::uint64_t one = 1;  // what an eventfd is written
  for (rd_kafka_queue_t* queue : {member->messages_.get(), member->commits_.get()}) {
    rd_kafka_queue_io_event_enable(queue, descriptor, &one, sizeof one);
  }
  const PartitionList topics = make_list(setting.topics.size());
  for (const std::string& topic : setting.topics) {
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  const rd_kafka_resp_err_t error = rd_kafka_subscribe(*client, topics.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return make_error(error, "can't join the group");
  return member;
}

Member::~Member() {
  messages_.reset();
  commits_.reset();
  if (client_ != nullptr) rd_kafka_destroy_flags(client_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

Result<> Member::check_failure(rd_kafka_resp_err_t error, const char* text) const {
  switch (code_of(error)) {
    case Code::permission_denied:
    case Code::unauthenticated:
    case Code::unimplemented:
      return make_error(error, text);
    default:
      break;
  }
  if (error == RD_KAFKA_RESP_ERR__FATAL || error == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED) {
    return make_error(error, text);
  }
  return {};  // brokers that come back, topics that will be made: the client goes on
}

Result<std::vector<queue::Delivery>> Member::poll(std::size_t limit, Clock::time_point now) {
  const Clock::time_point until = now + options_.redeliver_after;
  std::vector<queue::Delivery> out;
  held_.take_due(now, until, limit, out);
  counts_->redelivered.fetch_add(out.size(), std::memory_order_relaxed);
  hold_back(held_.messages() >= options_.most_held || held_.bytes() >= options_.most_held_bytes);
  while (out.size() < limit) {
    rd_kafka_message_t* raw = rd_kafka_consumer_poll(client_, 0);
    if (raw == nullptr) break;
    Result<> taken = take(*raw, until, out);
    rd_kafka_message_destroy(raw);
    if (!taken) {
      if (out.empty()) return std::move(taken).error();
      break;  // it is said again
    }
    if (held_.messages() >= options_.most_held || held_.bytes() >= options_.most_held_bytes) break;
  }
  counts_->received.fetch_add(out.size(), std::memory_order_relaxed);
  return out;
}

Result<> Member::take(const rd_kafka_message_t& raw, Clock::time_point until,
                      std::vector<queue::Delivery>& out) {
  if (raw.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return check_failure(raw.err, rd_kafka_message_errstr(&raw));
  }
  const Held::Place place{rd_kafka_topic_name(raw.rkt), raw.partition};
  auto delivery = held_.add(read_message(raw), place, raw.offset, until);
  if (delivery) out.push_back(std::move(*delivery));
  return {};
}

void Member::hold_back(bool full) {
  if (full == paused_) return;
  const std::vector<Held::Place> places = held_.places();
  const PartitionList list = make_list(places.size());
  for (const auto& [topic, partition] : places) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
  }
  paused_ = full;
  if (full) {
    rd_kafka_pause_partitions(client_, list.get());
  } else {
    rd_kafka_resume_partitions(client_, list.get());
  }
}

bool Member::acknowledge(std::span<const queue::Delivery> deliveries) {
  bool all = true;
  for (const queue::Delivery& delivery : deliveries) {
    const auto position = parse_position(delivery.position);
    const bool held =
        position && held_.acknowledge({position->topic, position->partition}, position->offset);
    all = all && held;
  }
  return all;
}

Result<std::uint64_t> Member::commit() {
  const auto positions = held_.to_commit();
  if (positions.empty()) return std::uint64_t{0};
  const PartitionList list = make_list(positions.size());
  for (const auto& [place, next] : positions) {
    rd_kafka_topic_partition_list_add(list.get(), place.first.c_str(), place.second)->offset = next;
  }
  const std::uint64_t number = ++commit_number_;
  const rd_kafka_resp_err_t error = rd_kafka_commit_queue(
      client_, list.get(), commits_.get(), on_commit, reinterpret_cast<void*>(number));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return make_error(error, "can't acknowledge");
  return number;
}

void Member::on_commit(rd_kafka_t* client, rd_kafka_resp_err_t error,
                       rd_kafka_topic_partition_list_t* offsets, void* number) {
  auto* self = static_cast<Member*>(rd_kafka_opaque(client));
  if (offsets != nullptr) {
    for (const auto& item : items(*offsets)) {
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = item.err;
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) self->held_.committed(place_of(item), item.offset);
    }
  }
  self->commit_results_[reinterpret_cast<std::uint64_t>(number)] = error;
}

std::optional<rd_kafka_resp_err_t> Member::commit_result(std::uint64_t number) {
  while (rd_kafka_queue_poll_callback(commits_.get(), 0) > 0) {
  }
  const auto found = commit_results_.find(number);
  if (found == commit_results_.end()) return std::nullopt;
  const rd_kafka_resp_err_t error = found->second;
  // With those before it, for which nobody waits any more.
  commit_results_.erase(commit_results_.begin(), std::next(found));
  return error;
}

void Member::on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t what,
                          rd_kafka_topic_partition_list_t* partitions, void* self) {
  static_cast<Member*>(self)->rebalance(what, *partitions);
}

void Member::rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t& partitions) {
  const bool assigned = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !leaving_;
  for (const auto& item : items(partitions)) {
    if (assigned) {
      held_.assign(place_of(item));
    } else if (held_.revoke(place_of(item))) {
      // Its position is no longer this member's to say; what was acknowledged is on its way.
      counts_->revoked.fetch_add(1, std::memory_order_relaxed);
    }
  }
  rd_kafka_error_t* error = assigned ? rd_kafka_incremental_assign(client_, &partitions)
                                     : rd_kafka_incremental_unassign(client_, &partitions);
  if (error != nullptr) rd_kafka_error_destroy(error);
  if (assigned && paused_) rd_kafka_pause_partitions(client_, &partitions);
}

void Member::leave(std::chrono::milliseconds limit) {
  leaving_ = true;
  const Clock::time_point end = Clock::now() + limit;
  rd_kafka_queue_io_event_enable(messages_.get(), -1, nullptr, 0);
  rd_kafka_queue_io_event_enable(commits_.get(), -1, nullptr, 0);
  const EventQueue closing(rd_kafka_queue_new(client_));
  rd_kafka_error_t* error = rd_kafka_consumer_close_queue(client_, closing.get());
  if (error != nullptr) rd_kafka_error_destroy(error);
  while (rd_kafka_consumer_closed(client_) == 0 && Clock::now() < end) {
    constexpr int pause_ms = 50;
    rd_kafka_event_t* event = rd_kafka_queue_poll(closing.get(), pause_ms);
    // Messages that nobody has received come too; they are not held, and so not lost.
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE) {
      rebalance(rd_kafka_event_error(event), *rd_kafka_event_topic_partition_list(event));
    }
    rd_kafka_event_destroy(event);
  }
}

}  // namespace kit::kafka::detail

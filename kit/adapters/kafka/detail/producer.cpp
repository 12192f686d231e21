// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/detail/producer.hpp"

#include <array>
#include <string>
#include <utility>

#include "kit/adapters/kafka/detail/errors.hpp"
#include "kit/adapters/kafka/detail/message_form.hpp"
#include "kit/queue/limits.hpp"

namespace kit::kafka::detail {
namespace {

/// What the client keeps with a message.
struct Report {
  std::shared_ptr<Batch> batch;
  std::size_t bytes = 0;
};

constexpr int purge_all = RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT;

/// Every message is reported before the client ends, and with it what it keeps is freed.
void end_client(rd_kafka_t* client) {
  rd_kafka_purge(client, purge_all);
  constexpr int limit_ms = 10'000;
  rd_kafka_flush(client, limit_ms);
  rd_kafka_destroy(client);
}

}  // namespace

void Batch::end_one(rd_kafka_resp_err_t error) {
  auto none = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (error != none) failure_.compare_exchange_strong(none, error, std::memory_order_acq_rel);
  const bool was_last = open_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  if (was_last || error != RD_KAFKA_RESP_ERR_NO_ERROR) changed_.notify();
}

Producer::Producer(std::shared_ptr<Room> room, std::shared_ptr<Reaper> reaper)
    : reaper_(std::move(reaper)), reports_(std::make_unique<Reports>()) {
  reports_->room = std::move(room);
}

Result<std::shared_ptr<Producer>> Producer::make(const KafkaOptions& options, const Dsn& dsn,
                                                 std::shared_ptr<Room> room,
                                                 std::shared_ptr<Reaper> reaper) {
  auto configuration = producer_configuration(options, dsn);
  if (!configuration) return std::move(configuration).error();
  auto producer = std::make_shared<Producer>(std::move(room), std::move(reaper));
  rd_kafka_conf_set_opaque(configuration->get(), producer->reports_.get());
  rd_kafka_conf_set_events(configuration->get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
  rd_kafka_conf_set_background_event_cb(configuration->get(), on_event);
  auto client = make_client(RD_KAFKA_PRODUCER, std::move(*configuration));
  if (!client) return std::move(client).error();
  producer->client_ = *client;
  const EventQueue main(rd_kafka_queue_get_main(*client));
  const EventQueue background(rd_kafka_queue_get_background(*client));
  rd_kafka_queue_forward(main.get(), background.get());
  return producer;
}

Producer::~Producer() {
  if (client_ == nullptr) return;
  Function<void()> end = [client = client_, reports = std::move(reports_)] { end_client(client); };
  reaper_->run(std::move(end));
}

rd_kafka_resp_err_t Producer::send(const queue::Message& message,
                                   const std::shared_ptr<Batch>& batch) {
  const std::lock_guard lock(mutex_);
  if (given_up_) return RD_KAFKA_RESP_ERR__PURGE_QUEUE;
  auto report = std::make_unique<Report>();
  report->batch = batch;
  report->bytes = queue::weight(message);
  batch->add();
  const rd_kafka_resp_err_t error = produce(client_, message, report.get());
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    static_cast<void>(report.release());  // end_message has it
  } else {
    if (error == RD_KAFKA_RESP_ERR__FATAL) reports_->broken.store(true, std::memory_order_release);
    batch->end_one(error);
  }
  return error;
}

void Producer::give_up() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(given_up_, true)) return;
  rd_kafka_purge(client_, purge_all | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

rd_kafka_resp_err_t Producer::ask(const std::string& topic) const {
  struct End {
    void operator()(rd_kafka_topic_t* known) const { rd_kafka_topic_destroy(known); }
  };
  const std::unique_ptr<rd_kafka_topic_t, End> known(
      rd_kafka_topic_new(client_, topic.c_str(), nullptr));
  if (known == nullptr) return rd_kafka_last_error();
  const struct rd_kafka_metadata* told = nullptr;
  constexpr int limit_ms = 1'000;
  rd_kafka_resp_err_t error = rd_kafka_metadata(client_, 0, known.get(), &told, limit_ms);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
  if (told->topic_cnt == 1) error = told->topics[0].err;
  rd_kafka_metadata_destroy(told);
  return error;
}

void Producer::on_event(rd_kafka_t* client, rd_kafka_event_t* event, void* reports) {
  auto* self = static_cast<Reports*>(reports);
  if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
    while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event)) {
      self->end_message(*message);
    }
  } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
    self->note_error(client, event);
  }
  rd_kafka_event_destroy(event);
}

void Producer::Reports::end_message(const rd_kafka_message_t& message) const {
  const std::unique_ptr<Report> report(static_cast<Report*>(message._private));
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    room->confirm(report->bytes);
  } else {
    room->refuse(report->bytes);
  }
  report->batch->end_one(message.err);
}

void Producer::Reports::note_error(rd_kafka_t* client, rd_kafka_event_t* event) {
  rd_kafka_resp_err_t error = rd_kafka_event_error(event);
  std::string text = rd_kafka_event_error_string(event);
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    std::array<char, 512> why{};
    error = rd_kafka_fatal_error(client, why.data(), why.size());
    text = why.data();
    broken.store(true, std::memory_order_release);
  }
  room->note(make_error(error, text));
}

}  // namespace kit::kafka::detail

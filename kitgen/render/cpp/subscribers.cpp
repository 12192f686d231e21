// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <utility>

#include "kitgen/model/naming.hpp"
#include "kitgen/model/quote.hpp"
#include "kitgen/render/cpp/layers.hpp"
#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {
namespace {

using model::Field;
using model::Scalar;
using model::Subscriber;
using Strings = std::vector<std::string>;

const model::Event& event_of(const Project& project, const Subscriber& subscriber) {
  return project.service.entities[subscriber.entity].events[subscriber.event];
}

std::string entity_header(const Project& project, const Subscriber& subscriber) {
  return project.path("biz", project.service.entities[subscriber.entity].snake + ".gen.hpp");
}

/// `is_used`: its parameters have names.
Strings parameters(const Project& project, const Subscriber& subscriber, bool is_used) {
  return {"const biz::" + event_of(project, subscriber).name + (is_used ? "& event" : "&"),
          std::string("biz::UnitOfWork&") + (is_used ? " work" : "")};
}

void add_declarations(const Project& project, std::vector<File>& files) {
  View view = project.view();
  Strings own{"kit/async/task.hpp", project.path("biz", "repositories.gen.hpp")};
  View subscribers{View::type::list};
  for (const Subscriber& each : project.service.subscribers) {
    own.push_back(entity_header(project, each));
    View subscriber{View::type::object};
    subscriber.set("doc", doc_view(each.doc, 0));
    subscriber.set("declaration",
                   signature(0, "kit::Task<>", each.name, parameters(project, each, true), ";"));
    subscribers.push_back(subscriber);
  }
  view.set("subscribers", subscribers);
  view.set("includes", include_lines({}, own));
  files.push_back(project.generated("service", "subscribers.gen.hpp", "subscribers.hpp", view));
}

void add_started(const Project& project, const Subscriber& subscriber, std::vector<File>& files) {
  View view = project.view();
  view.set("includes", include_lines({}, {project.path("service", "subscribers.gen.hpp")}));
  view.set("signature", cut_tail(signature(0, "kit::Task<>", subscriber.name,
                                           parameters(project, subscriber, false), " {"),
                                 " {"));
  view.set("refuse", call(2, "co_await kit::Error",
                          Strings{"kit::Code::unimplemented",
                                  "\"" + subscriber.name + " is not written yet\""},
                          ";"));
  files.push_back(project.started("service", subscriber.name + ".cpp", "subscriber.cpp", view));
}

std::string payload_row(const model::Event& event, const Field& field) {
  Strings arguments{"\"" + field.name + "\""};
  if (field.type == Scalar::json) arguments.push_back("{.text = kit::json::Format::Text::json}");
  if (field.type == Scalar::bytes) arguments.push_back("{.text = kit::json::Format::Text::base64}");
  if (field.type == Scalar::decimal) {
    arguments.push_back("{.precision = " + std::to_string(field.precision) +
                        ", .scale = " + std::to_string(field.scale) + "}");
  }
  const std::string head =
      "kit::outbox::payload_field<&biz::" + event.name + "::" + field.name + ">";
  return call(4, head, arguments, ",");
}

View event_view(const model::Event& event) {
  Strings lines;
  for (const model::EventField& field : event.fields)
    lines.push_back(payload_row(event, field.field));
  View view{View::type::object};
  view.set("snake", event.snake);
  view.set("rows", rows(lines));
  return view;
}

void add_routing(const Project& project, std::vector<File>& files) {
  View view = project.view();
  View events{View::type::list};
  View subscribers{View::type::list};
  std::set<std::string> seen;
  for (const Subscriber& each : project.service.subscribers) {
    const model::Event& event = event_of(project, each);
    if (seen.insert(event.name).second) events.push_back(event_view(event));
    View subscriber{View::type::object};
    subscriber.set("name", each.name);
    subscriber.set("signature", cut_tail(signature(0, "kit::Task<>", each.name + "_deliver",
                                                   Strings{"const kit::outbox::Event& event",
                                                           "kit::db::Transaction& transaction"},
                                                   " {"),
                                         " {"));
    subscriber.set("deliver",
                   call(2, "return deliver",
                        Strings{"event", "\"" + event.name + "\"", event.snake + "_fields",
                                "service::" + each.name, "transaction"},
                        ";"));
    subscribers.push_back(subscriber);
  }
  view.set("events", events);
  view.set("subscribers", subscribers);
  view.set("subscribers_header", project.path("service", "subscribers.gen.hpp"));
  view.set("header", project.path("data", "subscribers.gen.hpp"));
  view.set("includes", include_lines({"memory", "span", "string_view", "utility"},
                                     {"kit/outbox/joined_transaction.hpp", "kit/outbox/payload.hpp",
                                      project.path("data", "unit_of_work.gen.hpp"),
                                      project.path("service", "subscribers.gen.hpp")}));
  files.push_back(project.generated("data", "subscribers.gen.hpp", "data_subscribers.hpp", view));
  files.push_back(project.generated("data", "subscribers.gen.cpp", "data_subscribers.cpp", view));
}

}  // namespace

void add_subscribers(const Project& project, std::vector<File>& files) {
  if (project.service.subscribers.empty()) return;
  add_declarations(project, files);
  for (const Subscriber& each : project.service.subscribers) add_started(project, each, files);
  add_routing(project, files);
}

}  // namespace kitgen::render

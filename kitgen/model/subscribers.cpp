// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kitgen/model/detail/context.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;

/// Names that the generated code around the function uses, and a macro.
constexpr std::array<std::string_view, 9> taken{"biz", "kit",  "std",   "service", "data",
                                                "api", "main", "errno", "assert"};

/// Finds the event of any entity.
bool find_event(Context& context, const Word& word, const std::string& what,
                Subscriber& subscriber) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < context.service.entities.size(); ++i) {
    const std::vector<Event>& events = context.service.entities[i].events;
    for (std::size_t k = 0; k < events.size(); ++k) {
      if (events[k].name == word.text) {
        subscriber.entity = i;
        subscriber.event = k;
        return true;
      }
      if (!context.diagnostics.full()) names.push_back(events[k].name);
    }
  }
  std::string help = context.diagnostics.did_you_mean(word.text, names);
  if (help.empty()) help = "describe it under events: of the entity it is about";
  context.diagnostics.error(word, what + " is for the unknown event " + in_quotes(word.text),
                            std::move(help));
  return false;
}

}  // namespace

void build_subscribers(Context& context) {
  NameScope names;
  for (const schema::Subscriber& syntax : context.syntax.subscribers) {
    const std::string what = "subscriber " + in_quotes(syntax.name.text);
    Subscriber subscriber;
    subscriber.name = syntax.name.text;
    if (syntax.doc) subscriber.doc = syntax.doc->text;
    check_snake_name(context, syntax.name, "subscriber", false);
    if (std::ranges::find(taken, subscriber.name) != taken.end() ||
        subscriber.name == context.service.name) {
      context.diagnostics.error(syntax.name, "subscriber name " + in_quotes(subscriber.name) +
                                                 " is one that generated code needs for itself");
    }
    names.declare(subscriber.name, syntax.name, what, context.diagnostics);
    if (syntax.on && find_event(context, *syntax.on, what, subscriber))
      context.service.subscribers.push_back(std::move(subscriber));
  }
}

}  // namespace kitgen::model

// SPDX-License-Identifier: Apache-2.0
#include "conversation.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "kit/base/text.hpp"
#include "kit/base/time.hpp"

namespace kitgen::golden {
namespace {

constexpr std::size_t line_width = 100;
constexpr std::string_view verbs[] = {"GET",   "HEAD",   "POST",   "PUT",
                                      "PATCH", "DELETE", "IMPORT", "EXPORT"};

bool is_recent(std::string_view text) {
  const auto time = kit::Timestamp::parse(text);
  if (!time) return false;
  const auto age = kit::Timestamp::now().since_epoch - time->since_epoch;
  return age.count() >= 0 && age < std::chrono::hours(1);
}

void replace_recent(std::string& text) {
  static const RE2 pattern(R"((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z))");
  std::string out;
  re2::StringPiece rest(text);
  const char* done = text.data();
  for (re2::StringPiece found; RE2::FindAndConsume(&rest, pattern, &found);) {
    out.append(done, static_cast<std::size_t>(found.data() - done));
    const std::string_view time(found.data(), found.size());
    out += is_recent(time) ? "<now>" : time;
    done = rest.data();
  }
  out.append(done, static_cast<std::size_t>(text.data() + text.size() - done));
  text = std::move(out);
}

/// The end of the value that begins at `at`, at the comma or bracket behind it.
std::size_t end_of_value(std::string_view json, std::size_t at) {
  int depth = 0;
  for (bool in_text = false; at < json.size(); ++at) {
    const char each = json[at];
    if (in_text) {
      if (each == '\\') ++at;
      if (each == '"') in_text = false;
      continue;
    }
    if (each == '"') in_text = true;
    if (depth == 0 && (each == ',' || each == ']' || each == '}')) break;
    if (each == '{' || each == '[') ++depth;
    if (each == '}' || each == ']') --depth;
  }
  return at;
}

void append_value(std::string& out, std::string_view json, std::size_t indent, std::size_t column) {
  const bool is_nested = json.starts_with('{') || json.starts_with('[');
  if (!is_nested || column + json.size() <= line_width) {
    out += json;
    return;
  }
  const std::string margin(indent + 2, ' ');
  out += json.front();
  for (std::size_t at = 1; at + 1 < json.size();) {
    const std::size_t end = end_of_value(json, at);
    const std::string_view member = json.substr(at, end - at);
    // A member's key stays with its value.
    const bool has_key = json.front() == '{';
    const std::size_t colon = has_key ? member.find("\":") + 2 : 0;
    out.append("\n").append(margin).append(member.substr(0, colon));
    append_value(out, member.substr(colon), indent + 2, margin.size() + colon + 1);
    if (end + 1 < json.size()) out += ",";
    at = end + 1;
  }
  out.append("\n").append(indent, ' ').append(1, json.back());
}

}  // namespace

std::vector<Step> read_conversation(std::string_view text) {
  std::vector<Step> steps;
  Step step;
  bool is_answer = false;
  const auto finish = [&] {
    if (!step.text.empty()) steps.push_back(std::exchange(step, {}));
    is_answer = false;
  };
  for (const std::string_view line : kit::split(text, '\n')) {
    const std::string_view word = line.substr(0, line.find(' '));
    const bool is_request = std::ranges::find(verbs, word) != std::end(verbs);
    if (is_answer && !line.starts_with("  ") && !line.starts_with("| ")) finish();
    const bool is_between = line.empty() || line.starts_with("#");
    if (is_between && !is_answer && !step.verb.empty()) finish();
    if (line.empty() || is_answer) continue;
    if (line.starts_with("->")) {
      if (step.verb.empty())
        throw std::runtime_error("an answer without a request: " + std::string(line));
      is_answer = true;
      continue;
    }
    if (is_request && !step.verb.empty()) finish();
    step.text.append(line).append("\n");
    if (is_request) {
      const std::string_view rest = line.substr(std::min(line.size(), word.size() + 1));
      const std::size_t space = std::min(rest.find(' '), rest.size());
      step.verb = word;
      step.target = rest.substr(0, space);
      step.body = kit::trim(rest.substr(space));
    } else if (line.starts_with("| ") || line == "|") {
      step.body.append(line.substr(std::min<std::size_t>(2, line.size()))).append("\n");
    } else if (const auto colon = line.find(": "); line.starts_with("  ") && colon != line.npos) {
      step.headers.emplace_back(line.substr(2, colon - 2), line.substr(colon + 2));
    } else if (!line.starts_with("#")) {
      throw std::runtime_error("neither request, header, body nor answer: " + std::string(line));
    }
  }
  finish();
  return steps;
}

void Names::replace(std::string& text, const char* pattern, const char* kind) {
  const RE2 expression(pattern);
  std::string out;
  re2::StringPiece rest(text);
  const char* done = text.data();
  for (re2::StringPiece found; RE2::FindAndConsume(&rest, expression, &found);) {
    const std::string value(found.data(), found.size());
    auto known = std::ranges::find(values_, value, &std::pair<std::string, std::string>::second);
    if (known == values_.end()) {
      auto count = std::ranges::find(counts_, kind, &std::pair<std::string, std::size_t>::first);
      if (count == counts_.end()) count = counts_.insert(count, {kind, 0});
      values_.emplace_back("<" + std::string(kind) + "-" + std::to_string(++count->second) + ">",
                           value);
      known = values_.end() - 1;
    }
    out.append(done, static_cast<std::size_t>(found.data() - done)).append(known->first);
    done = found.data() + found.size();
  }
  out.append(done, static_cast<std::size_t>(text.data() + text.size() - done));
  text = std::move(out);
}

std::string Names::to_file(std::string text) {
  RE2::GlobalReplace(
      &text,
      R"(,?\{"@type":"type\.googleapis\.com/google\.rpc\.RequestInfo","requestId":"[^"]*"\})", "");
  RE2::GlobalReplace(&text, R"(type\.googleapis\.com/google\.rpc\.)", "");
  replace_recent(text);
  replace(text, R"re("next_cursor":"([^"]+)")re", "cursor");
  replace(text, R"((W/"[0-9a-f]{16}"))", "tag");
  replace(text, R"(([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}))", "uuid");
  return text;
}

std::string Names::to_wire(std::string text) const {
  for (const auto& [name, value] : values_) {
    for (std::size_t at = text.find(name); at != text.npos; at = text.find(name, at + value.size()))
      text.replace(at, name.size(), value);
  }
  return text;
}

std::string layout(std::string_view json, std::size_t indent) {
  std::string out;
  append_value(out, json, indent, indent);
  return out;
}

}  // namespace kitgen::golden

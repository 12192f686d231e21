// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/open_metrics_test_support.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "kit/base/text.hpp"

namespace kit::telemetry {
namespace {

using Labels = std::map<std::string, std::string>;

struct Sample {
  std::string name;
  Labels labels;
  double value = 0;
  bool has_exemplar = false;
  Labels exemplar_labels;
  double exemplar_value = 0;
};

std::optional<double> number_of(std::string_view text) {
  if (text == "+Inf") return HUGE_VAL;
  if (text == "-Inf") return -HUGE_VAL;
  if (text == "NaN") return std::nan("");
  return parse_double(text);
}

bool is_name_char(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (!first && c >= '0' && c <= '9');
}

std::string take_name(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && is_name_char(text[length], length == 0)) ++length;
  std::string name(text.substr(0, length));
  text.remove_prefix(length);
  return name;
}

bool skip(std::string_view& text, std::string_view what) {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(what.size());
  return true;
}

/// False when what is at the start are no labels in braces.
bool take_labels(std::string_view& text, Labels& labels) {
  if (!skip(text, "{")) return false;
  while (!skip(text, "}")) {
    if (!labels.empty() && !skip(text, ",")) return false;
    const std::string name = take_name(text);
    if (name.empty() || !skip(text, "=\"")) return false;
    std::string value;
    while (!skip(text, "\"")) {
      if (text.empty()) return false;
      char c = text.front();
      text.remove_prefix(1);
      if (c == '\\') {
        if (text.empty()) return false;
        c = text.front();
        text.remove_prefix(1);
        if (c != '\\' && c != '"' && c != 'n') return false;
        if (c == 'n') c = '\n';
      }
      value.push_back(c);
    }
    if (!labels.emplace(name, value).second) return false;
  }
  return true;
}

class Checker {
 public:
  std::string check(std::string_view text) {
    if (!is_utf8(text)) return "it is no UTF-8";
    if (!text.ends_with("\n")) return "the last line does not end";
    text.remove_suffix(1);
    const std::vector<std::string_view> lines = split(text, '\n');
    if (lines.back() != "# EOF") return "the last line is not # EOF";
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
      std::string problem = check_line(lines[i]);
      if (!problem.empty()) {
        return "line " + std::to_string(i + 1) + ": " + problem + ": " + std::string(lines[i]);
      }
    }
    return end_family();
  }

 private:
  std::string check_line(std::string_view line) {
    if (line.starts_with("#")) return check_comment(line);
    Sample sample;
    if (!read(line, sample)) return "no sample";
    return check_sample(sample);
  }

  std::string check_comment(std::string_view line) {
    std::vector<std::string_view> words = split(line, ' ');
    if (words.size() < 4 || words[0] != "#") return "no comment that there may be";
    const std::string_view name = words[2];
    if (name != family_ || words[1] == "HELP") {
      if (std::string problem = end_family(); !problem.empty()) return problem;
      family_ = name;
      if (!families_.insert(family_).second) return "a family that was there before";
    } else if (!series_.empty()) {
      return "what a family is stands before its samples";
    }
    if (words[1] == "TYPE") {
      type_ = words[3];
      const std::set<std::string_view> known{"counter", "gauge", "histogram", "unknown"};
      if (!known.contains(type_)) return "no type";
    } else if (words[1] == "UNIT") {
      if (!family_.ends_with("_" + std::string(words[3]))) return "the unit is no end of the name";
    } else if (words[1] != "HELP") {
      return "no comment that there may be";
    } else if (has_bare_quote(line)) {
      return "a quote that is not escaped";
    }
    return {};
  }

  static bool has_bare_quote(std::string_view line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\\') {
        ++i;
      } else if (line[i] == '"') {
        return true;
      }
    }
    return false;
  }

  static bool read(std::string_view line, Sample& sample) {
    sample.name = take_name(line);
    if (sample.name.empty()) return false;
    if (line.starts_with("{") && !take_labels(line, sample.labels)) return false;
    if (!skip(line, " ")) return false;
    const auto value = number_of(cut(line, ' '));
    if (!value) return false;
    sample.value = *value;
    if (line.empty()) return true;
    sample.has_exemplar = true;
    if (!skip(line, "# ") || !take_labels(line, sample.exemplar_labels) || !skip(line, " ")) {
      return false;
    }
    const auto exemplar = number_of(cut(line, ' '));
    if (!exemplar) return false;
    sample.exemplar_value = *exemplar;
    return line.empty() || (parse_double(line) && parse_double(line) > 1e9);
  }

  std::string check_sample(const Sample& sample) {
    if (!sample.name.starts_with(family_) || family_.empty()) return "a sample of another family";
    const std::string ending = sample.name.substr(family_.size());
    if (sample.labels.contains("le") != (type_ == "histogram" && ending == "_bucket")) {
      return "le is the label of buckets";
    }
    std::string problem = check_exemplar(sample, ending);
    if (!problem.empty()) return problem;
    if (!series_.insert({sample.name, sample.labels}).second) return "a series that was there";
    if (type_ == "histogram") return check_histogram(sample, ending);
    if (type_ == "counter") {
      if (ending != "_total") return "a counter ends in _total";
      return sample.value >= 0 ? "" : "a counter is not negative";
    }
    return ending.empty() ? "" : "the name is not the family's";
  }

  std::string check_exemplar(const Sample& sample, const std::string& ending) const {
    if (!sample.has_exemplar) return {};
    const bool is_bucket = type_ == "histogram" && ending == "_bucket";
    if (!is_bucket && !(type_ == "counter" && ending == "_total")) {
      return "an exemplar where none may be";
    }
    std::size_t characters = 0;
    for (const auto& [name, value] : sample.exemplar_labels) {
      characters += name.size() + utf8_length(value);
    }
    if (characters > 128) return "an exemplar that is too long";
    if (!is_bucket) return {};
    const auto bound = number_of(sample.labels.at("le"));
    return bound && sample.exemplar_value <= *bound ? "" : "an exemplar outside its bucket";
  }

  std::string check_histogram(const Sample& sample, const std::string& ending) {
    Labels labels = sample.labels;
    if (ending == "_bucket") {
      const std::string text = labels.at("le");
      labels.erase("le");
      const auto bound = number_of(text);
      if (!bound || (std::isfinite(*bound) && text.find_first_of(".e") == text.npos)) {
        return "a bound that is no float";
      }
      if (labels != bucket_labels_) last_ = {-HUGE_VAL, 0};
      bucket_labels_ = labels;
      if (*bound <= last_.first) return "bounds that do not rise";
      if (sample.value < last_.second) return "buckets that do not rise";
      last_ = {*bound, sample.value};
      if (std::isinf(*bound)) infinite_[labels] = sample.value;
      return {};
    }
    if (ending == "_sum") return sample.value >= 0 ? "" : "a negative sum";
    if (ending != "_count") return "a histogram has buckets, a sum and a count";
    counts_[labels] = sample.value;
    return {};
  }

  std::string end_family() {
    const bool is_whole = infinite_ == counts_;
    infinite_.clear();
    counts_.clear();
    series_.clear();
    bucket_labels_.reset();
    type_ = "unknown";
    return is_whole ? "" : "a histogram's count is not that of its last bucket, of " + family_;
  }

  std::string family_;
  std::string type_;
  std::set<std::string> families_;
  std::set<std::pair<std::string, Labels>> series_;
  std::optional<Labels> bucket_labels_;
  std::pair<double, double> last_;
  std::map<Labels, double> infinite_;
  std::map<Labels, double> counts_;
};

}  // namespace

std::string open_metrics_problem(std::string_view text) {
  return Checker().check(text);
}

}  // namespace kit::telemetry

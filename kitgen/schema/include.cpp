// SPDX-License-Identifier: Apache-2.0
#include "kitgen/schema/include.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "kitgen/schema/detail/node_reader.hpp"
#include "kitgen/schema/include_path.hpp"

namespace kitgen::schema {
namespace {

namespace fs = std::filesystem;

kit::Error refuse_text() {
  return {kit::Code::not_found, "there is no such file: this schema was not read from a folder"};
}

/// Reads file after file, each once, depth first.
class Includer {
 public:
  Includer(std::deque<Source>& sources, const Files& files, Diagnostics& diagnostics)
      : sources_(sources), files_(files), diagnostics_(diagnostics) {
    bytes_ = sources.front().text().size();
    display_folder_ = folder_of(sources.front().file());
    if (!display_folder_.empty() || sources.front().file().starts_with('/')) display_folder_ += '/';
  }

  std::optional<Schema> run() {
    const std::string_view file = sources_.front().file();
    const std::string own(file.substr(file.rfind('/') + 1));
    paths_.push_back("");
    seen_.insert(own);
    chain_.push_back(own);
    std::optional<Schema> schema = read_one_file(sources_.front(), diagnostics_, nodes_);
    if (!schema) return std::nullopt;
    for (const Word& word : schema->includes) include(word);
    append(std::move(*schema));
    all_.files = std::move(paths_);
    return std::move(all_);
  }

 private:
  void include(const Word& word) {
    std::string why;
    const std::optional<std::string> path = resolve_include(word.text, chain_.back(), why);
    if (!path) {
      diagnostics_.error(word, "the path " + in_quotes(word.text) + " " + why);
    } else if (is_pattern(*path)) {
      include_pattern(word, *path);
    } else if (const auto at = std::ranges::find(chain_, *path); at != chain_.end()) {
      std::string names;
      for (auto each = at; each != chain_.end(); ++each) names += *each + " -> ";
      diagnostics_.error(word, "the file includes itself: " + names + *path);
    } else {
      read(word, *path);
    }
  }

  void include_pattern(const Word& word, const std::string& path) {
    const std::string folder(folder_of(path));
    const kit::Result<std::vector<std::string>> names = files_.list(folder);
    if (!names) {
      diagnostics_.error(word, in_quotes(folder) + ": " + names.error().message());
      return;
    }
    const std::string_view pattern =
        std::string_view(path).substr(folder.empty() ? 0 : folder.size() + 1);
    std::size_t found = 0;
    for (const std::string& name : *names) {
      if (!matches(pattern, name)) continue;
      ++found;
      const std::string each = folder.empty() ? name : folder + "/" + name;
      // A pattern means the other files.
      if (std::ranges::find(chain_, each) == chain_.end()) read(word, each);
    }
    if (found == 0) {
      diagnostics_.error(word, "no file matches " + in_quotes(word.text));
    }
  }

  bool has_room(const Word& word) {
    std::string what;
    if (sources_.size() >= max_files) {
      what = "the schema has more than " + std::to_string(max_files) + " files";
    } else if (chain_.size() > max_include_depth) {
      what = "files include each other more than " + std::to_string(max_include_depth) +
             " levels deep";
    }
    if (what.empty()) return true;
    diagnostics_.error(word, what);
    return false;
  }

  void read(const Word& word, const std::string& path) {
    if (!seen_.insert(path).second || is_full_ || !has_room(word)) return;
    kit::Result<std::string> text = files_.read(path);
    if (!text) {
      tell_unreadable(word, path, text.error().message());
      return;
    }
    bytes_ += text->size();
    if (bytes_ > max_source_bytes) {
      diagnostics_.error(word, "the schema and what it includes are larger than 1 MiB");
      is_full_ = true;
      return;
    }
    const Source& source = sources_.emplace_back(display_folder_ + path, std::move(*text),
                                                 static_cast<int>(sources_.size()));
    diagnostics_.add_source(source);
    paths_.push_back(path);
    std::optional<Schema> schema = read_one_file(source, diagnostics_, nodes_);
    if (nodes_ > max_yaml_nodes) is_full_ = true;
    if (!schema) return;
    chain_.push_back(path);
    for (const Word& each : schema->includes) include(each);
    chain_.pop_back();
    append(std::move(*schema));
  }

  void tell_unreadable(const Word& word, const std::string& path, const std::string& reason) {
    const std::string folder(folder_of(path));
    std::vector<std::string> near;
    if (const auto names = files_.list(folder)) {
      for (const std::string& name : *names) {
        if (name.ends_with(".yaml") || name.ends_with(".yml"))
          near.push_back(folder.empty() ? name : folder + "/" + name);
      }
    }
    diagnostics_.error(word, in_quotes(display_folder_ + path) + ": " + reason,
                       diagnostics_.did_you_mean(path, near));
  }

  /// What stands twice is told with both places, and the second one is left out.
  template <class T>
  void append_named(std::vector<T>& all, std::vector<T> some, const char* what) {
    for (T& each : some) {
      const std::string key = std::string(what) + " " + each.name.text;
      const auto [first, is_new] = names_.try_emplace(key, each.name.at);
      if (is_new) {
        all.push_back(std::move(each));
        continue;
      }
      diagnostics_.error(each.name, std::string(what) + " " + in_quotes(each.name.text) +
                                        " is given twice, first in " +
                                        diagnostics_.place(first->second, each.name.at));
    }
  }

  void append(Schema schema) {
    all_.service = std::move(schema.service);
    all_.doc = std::move(schema.doc);
    all_.includes = std::move(schema.includes);
    append_named(all_.enums, std::move(schema.enums), "enum");
    append_named(all_.mixins, std::move(schema.mixins), "mixin");
    append_named(all_.entities, std::move(schema.entities), "entity");
    append_named(all_.subscribers, std::move(schema.subscribers), "subscriber");
    // Only the schema itself, which comes last, has any.
    all_.jobs = std::move(schema.jobs);
  }

  std::deque<Source>& sources_;
  const Files& files_;
  Diagnostics& diagnostics_;
  std::string display_folder_;
  std::size_t bytes_ = 0;
  std::size_t nodes_ = 0;
  bool is_full_ = false;            ///< Nothing more is read.
  std::vector<std::string> chain_;  ///< The files that are being read, the schema first.
  std::unordered_set<std::string> seen_;
  std::vector<std::string> paths_;
  std::unordered_map<std::string, Position> names_;
  Schema all_;
};

bool is_inside(const fs::path& folder, const fs::path& path) {
  const auto [at, end] = std::ranges::mismatch(folder, path);
  return at == folder.end();
}

}  // namespace

kit::Result<std::string> FolderFiles::read(const std::string& path) const {
  const fs::path folder = folder_.empty() ? fs::path(".") : fs::path(folder_);
  std::error_code code;
  const fs::path root = fs::canonical(folder, code);
  const fs::path target = fs::canonical(folder / path, code);
  if (!code && !is_inside(root, target)) {
    return kit::Error(kit::Code::permission_denied,
                      "a symbolic link leads out of the folder of the schema");
  }
  return read_file((folder / path).string());
}

kit::Result<std::vector<std::string>> FolderFiles::list(const std::string& folder) const {
  constexpr std::size_t most = 10'000;
  std::vector<std::string> names;
  std::error_code code;
  const fs::path root = folder_.empty() ? fs::path(".") : fs::path(folder_);
  for (fs::directory_iterator at(root / folder, code); !code && at != fs::directory_iterator();
       at.increment(code)) {
    names.push_back(at->path().filename().string());
    if (names.size() > most)
      return kit::Error(kit::Code::resource_exhausted, "the folder has more than 10000 files");
  }
  if (code) return kit::Error(kit::Code::not_found, "cannot be listed: " + code.message());
  std::ranges::sort(names);
  return names;
}

kit::Result<std::string> NoFiles::read(const std::string&) const {
  return refuse_text();
}

kit::Result<std::vector<std::string>> NoFiles::list(const std::string&) const {
  return refuse_text();
}

std::optional<Schema> read_schema(std::deque<Source>& sources, const Files& files,
                                  Diagnostics& diagnostics) {
  return Includer(sources, files, diagnostics).run();
}

}  // namespace kitgen::schema

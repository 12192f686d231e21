// SPDX-License-Identifier: Apache-2.0
#include "case_file.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/evolve/mysql.hpp"
#include "kitgen/evolve/plan.hpp"
#include "kitgen/evolve/postgres.hpp"
#include "kitgen/evolve/sqlite.hpp"
#include "kitgen/model/load.hpp"
#include "kitgen/render/openapi.hpp"
#include "kitgen/render/typescript.hpp"

namespace kitgen::golden {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view mark = "==> ";
constexpr std::string_view hand = "hand ";
constexpr std::string_view service_line = "\nservice: shop\n";

[[noreturn]] void refuse(const fs::path& path, const std::string& why) {
  throw std::runtime_error(path.filename().string() + ": " + why +
                           " (tests/golden/README.md is the format)");
}

Case read_case(const fs::path& path) {
  Case one{path, path.stem().string(), {}, {}};
  const std::string text = read_file(path);
  for (std::string_view line : kit::split(text, '\n')) {
    if (line.starts_with(mark)) {
      const std::string title(line.substr(mark.size()));
      if (one.find(title) != nullptr) refuse(path, "two sections are titled '" + title + "'");
      one.sections.push_back({title, ""});
      continue;
    }
    std::string& target = one.sections.empty() ? one.remark : one.sections.back().text;
    target.append(line).append("\n");
  }
  for (Section& section : one.sections) {
    while (section.text.ends_with("\n\n") || section.text == "\n") section.text.pop_back();
  }
  if (one.sections.empty() || one.sections.front().title != "schema")
    refuse(path, "the first section is not '==> schema'");
  if (one.schema().find(service_line) == std::string::npos)
    refuse(path, "the schema has no line 'service: shop'");
  return one;
}

render::Options options_of(const Case& one) {
  render::Options options;
  options.all = true;
  const std::string* flags = one.find("flags");
  if (flags == nullptr) return options;
  for (const std::string_view word : kit::split(kit::trim(*flags), ' ')) {
    constexpr std::string_view output = "--output=";
    if (!word.starts_with(output)) refuse(one.path, "no flag of cases: " + std::string(word));
    options.output = word.substr(output.size());
  }
  return options;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

void add_migration(Rendered& rendered, const std::string& path, std::string up, std::string down) {
  rendered.files.push_back({path + ".down.sql", std::move(down)});
  rendered.files.push_back({path + ".up.sql", std::move(up)});
}

}  // namespace

const std::string* Case::find(std::string_view title) const {
  const auto found = std::ranges::find(sections, title, &Section::title);
  return found == sections.end() ? nullptr : &found->text;
}

const std::string& Case::schema() const {
  return sections.front().text;
}

std::string Case::to_text() const {
  std::string text = remark;
  for (const Section& section : sections) {
    if (&section != &sections.front()) text += "\n";
    text.append(mark).append(section.title).append("\n").append(section.text);
  }
  return text;
}

std::vector<Case> read_cases() {
  std::vector<Case> cases;
  for (const auto& entry :
       fs::directory_iterator(fs::path(KIT_SOURCE_DIR) / "tests/golden/render")) {
    if (entry.path().extension() == ".txt") cases.push_back(read_case(entry.path()));
  }
  std::ranges::sort(cases, {}, &Case::name);
  return cases;
}

Rendered render(std::string_view schema, const std::string& file, const render::Options& options,
                bool with_servers) {
  Rendered rendered;
  model::Loaded loaded = model::load_text(schema, file);
  rendered.messages = schema::to_string(loaded.diagnostics);
  if (!loaded.service) return rendered;
  loaded.service->schema_file = file;
  rendered.entities = loaded.service->entities.size();
  const evolve::Plan first = evolve::plan_first(*loaded.service);
  const std::string number = "/0001_" + first.name;
  add_migration(rendered, "migrations" + number, evolve::sqlite_up(first, file),
                evolve::sqlite_down(first, file));
  if (with_servers) {
    add_migration(rendered, "migrations/postgresql" + number, evolve::postgres_up(first, file),
                  evolve::postgres_down(first, file));
    add_migration(rendered, "migrations/mysql" + number, evolve::mysql_up(first, file),
                  evolve::mysql_down(first, file));
  }
  for (const auto renderer :
       {render::render_cpp, render::render_openapi, render::render_typescript}) {
    auto files = renderer(*loaded.service, options);
    if (files) {
      std::ranges::move(*files, std::back_inserter(rendered.files));
    } else {
      rendered.messages += files.error().message() + "\n";
    }
  }
  std::ranges::sort(rendered.files, {}, &render::File::path);
  return rendered;
}

Rendered render(const Case& one) {
  return render(one.schema(), "api/shop.yaml", options_of(one));
}

std::string compiled_name(const Case& one) {
  return "case_" + one.name;
}

Rendered render_to_compile(const Case& one) {
  const std::string name = compiled_name(one);
  std::string schema = one.schema();
  replace_all(schema, service_line, "\nservice: " + name + "\n");
  render::Options options;
  options.all = true;
  options.output = name;
  Rendered rendered = render(schema, "api/" + name + ".yaml", options, true);
  for (const Section& section : one.sections) {
    if (!section.title.starts_with(hand)) continue;
    std::string path = section.title.substr(hand.size());
    std::string text = section.text;
    replace_all(path, "internal/", name + "/");
    replace_all(text, "\"internal/", "\"" + name + "/");
    replace_all(text, "namespace shop", "namespace " + name);
    replace_all(text, " shop::", " " + name + "::");
    const auto file = std::ranges::find(rendered.files, path, &render::File::path);
    if (file == rendered.files.end() || file->ownership != render::Ownership::started)
      refuse(one.path, "'" + section.title + "' names no file that kitgen starts");
    file->text = std::move(text);
  }
  return rendered;
}

std::string read_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_file(const fs::path& path, std::string_view text) {
  if (fs::exists(path) && read_file(path) == text) return;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

bool is_updating() {
  return std::getenv("UPDATE_GOLDENS") != nullptr;
}

}  // namespace kitgen::golden

// SPDX-License-Identifier: Apache-2.0
#include "kitgen/model/load.hpp"

#include <utility>

#include "kitgen/model/detail/context.hpp"
#include "kitgen/schema/include_path.hpp"

namespace kitgen::model {
namespace {

void build(Context& context) {
  build_header(context);
  build_enums(context);
  name_entities(context);
  const std::size_t count = context.service.entities.size();
  const auto for_each = [&](void (*step)(Context&, std::size_t)) {
    for (std::size_t i = 0; i < count; ++i) step(context, i);
  };
  for_each([](Context& c, std::size_t i) {
    build_fields(c, i);
    build_belongs_to(c, i);
    add_automatic_fields(c, i);
  });
  for_each(build_computed);
  check_unused_mixins(context);
  for_each(build_other_relations);
  for_each(build_options);
  for_each(build_access);
  for_each(build_cache);
  for_each(build_indexes);
  for_each(build_import);
  for_each(build_actions);
  build_subscribers(context);
  build_jobs(context);
  build_tables(context);
  collect_includes(context.service);
}

}  // namespace

Loaded load_text(std::string_view text, std::string_view file) {
  return load_text(text, file, schema::NoFiles());
}

Loaded load_text(std::string_view text, std::string_view file, const schema::Files& files) {
  std::deque<schema::Source> sources;
  sources.emplace_back(std::string(file), std::string(text));
  schema::Diagnostics diagnostics(sources.front());
  Loaded loaded;
  if (text.size() > schema::max_source_bytes) {
    diagnostics.error(schema::Position{}, 1, "the file is larger than 1 MiB");
  } else if (auto syntax = schema::read_schema(sources, files, diagnostics)) {
    expand_mixins(*syntax, diagnostics);
    Context context{*syntax, diagnostics, {}, {}, {}, {}, 0, {}};
    context.service.schema_file = file;
    build(context);
    if (diagnostics.error_count() == 0) loaded.service = std::move(context.service);
  }
  loaded.diagnostics = diagnostics.take();
  return loaded;
}

Loaded load_file(const std::string& path) {
  kit::Result<std::string> text = schema::read_file(path);
  if (text) {
    const schema::FolderFiles files{std::string(schema::folder_of(path))};
    return load_text(*text, path, files);
  }
  Loaded loaded;
  loaded.diagnostics.push_back(
      {path, {}, schema::Severity::error, text.error().message(), {}, {}, 1});
  return loaded;
}

}  // namespace kitgen::model

// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/cpp/access.hpp"
#include "kitgen/render/cpp/api.hpp"
#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {

void add_bulk(const Project& project, const model::Entity& entity, std::vector<File>& files) {
  View view = project.view(entity);
  const std::string routes = project.path("api", entity.snake + "_routes.gen.hpp");
  const std::string service = project.path("service", entity.snake + "_service.gen.hpp");
  const std::string json = project.path("api", entity.snake + "_json.gen.hpp");
  std::vector<std::string> own{routes, service, json, "kit/rest/bulk.hpp"};
  if (has_field_access(entity)) own.push_back(access_header(project, entity));
  view.set("includes", include_lines({}, own));
  view.set("field_access", flag(has_field_access(entity)));
  files.push_back(project.generated("api", entity.snake + "_bulk.gen.cpp", "bulk.cpp", view));
}

}  // namespace kitgen::render

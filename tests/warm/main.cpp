// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <utility>
#include <vector>

#include "internal/warm.gen.hpp"
#include "kit/app/application.hpp"
#include "kit_embed/migrations.hpp"
#include "kit_embed/openapi.hpp"

namespace {

/// The files of migrations/, which the build puts into the program.
kit::Result<std::vector<kit::db::Migration>> embedded_migrations() {
  std::vector<kit::db::MigrationFile> files;
  for (const kit::app::EmbeddedFile& file : kit::app::web::migrations()) {
    const auto* text = reinterpret_cast<const char*>(file.bytes.data());
    files.push_back({file.path, {text, file.bytes.size()}});
  }
  return kit::db::read_migrations(files);
}

}  // namespace

int main(int argc, char** argv) {
  const auto migrations = embedded_migrations();
  if (!migrations) {
    std::fprintf(stderr, "warm: %s\n", migrations.error().message().c_str());
    return 1;
  }
  kit::app::Application application{
      .name = "warm",
      .version = "v1",
      .title = "Warm",
      .migrations = *migrations,
      .files = kit::app::web::openapi(),
      .make_service = warm::make_service,
      .doc = "Shelves that are read far more often than they change.",
  };
  return kit::app::run(argc, argv, std::move(application));
}

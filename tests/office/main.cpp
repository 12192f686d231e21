// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "internal/office.gen.hpp"
#include "kit/app/application.hpp"
#include "kit/base/text.hpp"
#include "kit/http/message.hpp"
#include "kit/record/access.hpp"
#include "kit_embed/migrations.hpp"
#include "kit_embed/openapi.hpp"

namespace {

kit::Result<std::vector<kit::db::Migration>> embedded_migrations() {
  std::vector<kit::db::MigrationFile> files;
  for (const kit::app::EmbeddedFile& file : kit::app::web::migrations()) {
    const auto* text = reinterpret_cast<const char*>(file.bytes.data());
    files.push_back({file.path, {text, file.bytes.size()}});
  }
  return kit::db::read_migrations(files);
}

/// `X-Caller: ada clerk,finance`: believed, which only a test may do.
kit::Result<kit::Caller> identify(const kit::http::Request& request) {
  kit::Caller caller;
  const auto header = request.header("X-Caller");
  if (!header) return caller;
  if (*header == "liar") {
    return kit::Error(kit::Code::unauthenticated, "who are you?").with_reason("CALLER_UNKNOWN");
  }
  const std::size_t blank = header->find(' ');
  caller.subject = header->substr(0, blank);
  if (blank == std::string_view::npos) return caller;
  for (const std::string_view role : kit::split(header->substr(blank + 1), ','))
    caller.roles.emplace_back(role);
  return caller;
}

/// "blocked" may nothing, whatever its roles are; "trusted" sees every field.
class Policy final : public kit::AccessPolicy {
 public:
  bool allows(const kit::Caller& caller, std::string_view, kit::Use,
              bool by_schema) const override {
    return by_schema && caller.subject != "blocked";
  }
  bool allows_field(const kit::Caller& caller, std::string_view, std::string_view,
                    bool by_schema) const override {
    return by_schema || caller.subject == "trusted";
  }
};

}  // namespace

int main(int argc, char** argv) {
  const auto migrations = embedded_migrations();
  if (!migrations) {
    std::fprintf(stderr, "office: %s\n", migrations.error().message().c_str());
    return 1;
  }
  const Policy policy;
  kit::app::Application application{
      .name = "office",
      .version = "v1",
      .title = "Office",
      .migrations = *migrations,
      .files = kit::app::web::openapi(),
      .make_service = office::make_service,
  };
  if (std::getenv("OFFICE_WITHOUT_IDENTITY") == nullptr) {
    application.identify = identify;
    application.access_policy = &policy;
  }
  return kit::app::run(argc, argv, std::move(application));
}

// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "tests/evolution/project.hpp"

namespace evolution {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class ProgramProject final : public Project {
 public:
  explicit ProgramProject(const Options& options)
      : folder_(options.folder + "/project"),
        output_(options.folder + "/output"),
        database_(folder_ + "/shop.db"),
        kitgen_(options.kitgen) {
    fs::create_directories(folder_ + "/api");
  }

  const std::string& database() const override { return database_; }

  kit::Result<> start(const Version& version) override {
    KIT_TRY(generate(version, {}));
    return up();
  }

  kit::Result<> evolve(const Version& version, const std::vector<std::string>& drops) override {
    const auto before = tree();
    auto done = generate(version, drops);
    if (done.ok() || tree() == before) return done;
    return kit::Error(kit::Code::internal,
                      "a refused run changed files: " + done.error().message());
  }

  kit::Result<> up() override {
    return run({"migrate", "up", "--allow-destructive", "--database", database_});
  }
  kit::Result<> down() override {
    if (!fs::exists(folder_ + "/migrations")) return {};
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder_ + "/migrations"))
      ++files;
    if (files < 4) return {};
    return run({"migrate", "down", "--database", database_});
  }

  std::string sql() const override {
    std::string text;
    for (const auto& [path, content] : tree()) {
      if (path.ends_with(".sql")) text += "-- " + path + "\n" + content;
    }
    return text;
  }

 private:
  kit::Result<> generate(const Version& version, const std::vector<std::string>& drops) {
    std::ofstream(folder_ + "/api/shop.yaml", std::ios::binary) << version.yaml;
    std::vector<std::string> words = {"generate", "--allow-destructive"};
    for (const std::string& drop : drops) {
      words.emplace_back("--drop");
      words.push_back(drop);
    }
    return run(words);
  }

  /// Everything but the schema, which was just written, and the database.
  std::map<std::string, std::string> tree() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      const std::string name = entry.path().lexically_relative(folder_).generic_string();
      if (!entry.is_regular_file() || name.starts_with("api/") || name.starts_with("shop.db") ||
          name == ".kit/lock")
        continue;
      files[name] = read(entry.path());
    }
    return files;
  }

  kit::Result<> run(std::vector<std::string> words) const {
    words.insert(words.begin(), "kitgen");
    const pid_t child = ::fork();
    if (child == 0) {
      const int output = ::open(output_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      std::vector<char*> pointers;
      for (std::string& word : words) pointers.push_back(word.data());
      pointers.push_back(nullptr);
      if (output >= 0 && ::dup2(output, 1) >= 0 && ::dup2(output, 2) >= 0 &&
          ::chdir(folder_.c_str()) == 0)
        ::execv(kitgen_.c_str(), pointers.data());
      ::_exit(127);
    }
    int status = -1;
    if (::waitpid(child, &status, 0) != child || !WIFEXITED(status))
      return kit::Error(kit::Code::internal, "kitgen ended in a strange way: " + read(output_));
    if (WEXITSTATUS(status) == 0) return {};
    if (WEXITSTATUS(status) != 1)
      return kit::Error(kit::Code::internal, "kitgen could not be used: " + read(output_));
    return kit::Error(kit::Code::failed_precondition, read(output_));
  }

  std::string folder_;
  std::string output_;
  std::string database_;
  std::string kitgen_;
};

}  // namespace

std::unique_ptr<Project> make_program_project(const Options& options) {
  return std::make_unique<ProgramProject>(options);
}

}  // namespace evolution

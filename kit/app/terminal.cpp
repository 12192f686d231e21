// SPDX-License-Identifier: Apache-2.0
#include "kit/app/terminal.hpp"

#include <unistd.h>

#include <cstdio>

namespace kit::app {
namespace {

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  const std::size_t first = text.starts_with('-') ? 1 : 0;
  for (std::size_t at = text.size(); at > first + 3;) {
    at -= 3;
    text.insert(at, 1, ' ');
  }
  return text;
}

Terminal::Terminal(bool enabled) : enabled_(enabled), is_terminal_(isatty(STDOUT_FILENO) == 1) {}

void Terminal::listening(const std::string& url) {
  if (enabled_) print("listening at " + url + "/\n");
}

void Terminal::progress(const ImportProgress& progress) {
  if (!enabled_) return;
  const std::string line = "importing " + std::to_string(progress.number) + '/' +
                           std::to_string(progress.files) + "  " + progress.file + "  " +
                           std::to_string(progress.percent) + " %  " + grouped(progress.rows) +
                           " rows";
  if (is_terminal_) {
    print("\r\x1b[K" + line);
    line_open_ = true;
  } else if (progress.number != files_shown_) {
    files_shown_ = progress.number;
    print("importing " + std::to_string(progress.number) + '/' + std::to_string(progress.files) +
          "  " + progress.file + '\n');
  }
}

void Terminal::progress_done() {
  if (line_open_) print("\r\x1b[K");
  line_open_ = false;
}

void Terminal::ready(const ReadyFigures& figures) {
  if (!enabled_) return;
  std::string text = "\n  " + std::string(figures.title) + ' ' + std::string(figures.version);
  text += figures.problem.empty() ? " is ready\n\n"
                                  : " is up, but not ready: " + figures.problem + "\n\n";
  if (figures.pages) {
    text += "    Start page     " + figures.url + "/\n";
    text += "    API reference  " + figures.url + "/docs\n";
  }
  if (!figures.example_path.empty()) {
    text += "    Try            curl '" + figures.url + figures.example_path + "?limit=3'\n";
  }
  if (!figures.metrics.empty()) text += "    Metrics        " + figures.metrics + '\n';
  text += "    Data           " + grouped(figures.rows) + " rows in " +
          std::to_string(figures.entities) + " entities, " + figures.database + '\n';
  text += "    Stop           Ctrl+C\n\n";
  text += "  Next: change the schema in api/; `kitgen dev` does the rest at every save.\n\n";
  print(text);
}

void Terminal::stopping(int signal) {
  if (!enabled_) return;
  print(std::string(signal == 2 ? "\n" : "") +
        "stopping: requests are being finished; a second Ctrl+C ends at once\n");
}

}  // namespace kit::app

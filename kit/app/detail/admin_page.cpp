// SPDX-License-Identifier: Apache-2.0
#include "kit/app/detail/admin_page.hpp"

namespace kit::app::detail {
namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --line: #8884; --soft: #777; --bad: #c62828; --bar: #3b5bdb; --good: #2e7d32; }
@media (prefers-color-scheme: dark) { :root { --soft: #aaa; --bad: #ff7a7a; --bar: #8aa2ff; --good: #43c982; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 16px 20px 48px; max-width: 1240px; font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 24px; margin: 8px 0 4px; overflow-wrap: anywhere; } h2 { font-size: 18px; margin: 28px 0 8px; }
p { margin: 4px 0; color: var(--soft); }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 6px 8px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-size: 13px; color: var(--soft); font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
code, .name, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 13px; overflow-wrap: anywhere; }
.failed { color: var(--bad); } .none { color: var(--soft); }
.latest { font-weight: 650; }
.span { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr) 84px; gap: 10px; padding: 5px 0; border-bottom: 1px solid var(--line); }
.time { text-align: right; white-space: nowrap; font-size: 13px; }
.track { position: relative; height: 14px; margin-top: 4px; background: #8882; border-radius: 3px; }
.track i { position: absolute; top: 0; bottom: 0; min-width: 2px; border-radius: 3px; background: var(--bar); }
.track i.failed { background: var(--bad); }
details { font-size: 13px; } summary { cursor: pointer; }
dl { display: grid; grid-template-columns: minmax(90px, max-content) minmax(0, 1fr); gap: 0 12px; margin: 4px 0 8px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
pre { margin: 0; padding: 6px 0; border-bottom: 1px solid var(--line); white-space: pre-wrap; }
@media (max-width: 640px) {
  body { padding: 12px 12px 40px; }
  table.wide thead { display: none; } table.wide, table.wide tbody, table.wide tr { display: block; }
  table.wide tr { padding: 8px 0; border-bottom: 1px solid var(--line); }
  table.wide td { display: inline-block; border: 0; padding: 2px 12px 2px 0; text-align: left; }
  table.wide td:first-child { display: block; } table.wide td.none { display: none; }
  table.wide td[data-name]::before { content: attr(data-name) " "; color: var(--soft); font-size: 13px; }
  .span { grid-template-columns: minmax(0, 1fr) 76px; } .span .track { grid-column: 1 / 3; order: 3; }
}
)";

}  // namespace

std::string admin_page_head(std::string_view title) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n<title>";
  return out.append(title)
      .append("</title><style>")
      .append(style)
      .append("</style></head><body>\n");
}

}  // namespace kit::app::detail

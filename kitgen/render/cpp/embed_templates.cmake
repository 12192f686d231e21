# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, a C++ file with the text of every template in FOLDER.
set(text "// Generated from kitgen/render/templates.\n#include \"kitgen/render/cpp/template_set.hpp\"\n\nnamespace kitgen::render {\n\n")
string(APPEND text "std::span<const TemplateText> template_texts() {\n  static constexpr TemplateText texts[] = {\n")
file(GLOB files ${FOLDER}/*.mustache)
list(SORT files)
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME)
  string(REPLACE ".mustache" "" name ${name})
  file(READ ${file} content)
  string(APPEND text "      {\"${name}\", R\"mustache(${content})mustache\"},\n")
endforeach()
string(APPEND text "  };\n  return texts;\n}\n\n}  // namespace kitgen::render\n")
file(WRITE ${OUTPUT} "${text}")

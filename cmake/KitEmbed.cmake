# SPDX-License-Identifier: Apache-2.0
# Files inside the binary, plain and gzip -9, so that a service is one file and works offline.
#
#   kit_embed(my_service NAME pages ROOT web FILES web/index.html web/app.css)
#
# adds to the target a C++ file that gives `std::span<const EmbeddedFile> kit::app::web::pages()`, declared in
# "kit_embed/pages.hpp". Paths are relative to ROOT, or the bare file names without one. Needs gzip, nothing else.
include_guard(GLOBAL)
set(KIT_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/KitEmbedGenerate.cmake CACHE INTERNAL "")

function(kit_embed target)
  cmake_parse_arguments(arg "" "NAME;ROOT" "FILES" ${ARGN})
  if(NOT arg_NAME MATCHES "^[a-z][a-z0-9_]*$")
    message(FATAL_ERROR "kit_embed(${target}): NAME must be a snake_case identifier, is '${arg_NAME}'")
  endif()
  if(NOT arg_FILES)
    message(FATAL_ERROR "kit_embed(${target} NAME ${arg_NAME}): no FILES")
  endif()
  find_program(KIT_GZIP gzip REQUIRED)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/kit_embed)
  set(files)
  set(paths)
  foreach(file IN LISTS arg_FILES)
    get_filename_component(file ${file} ABSOLUTE)
    if(arg_ROOT)
      get_filename_component(root ${arg_ROOT} ABSOLUTE)
      file(RELATIVE_PATH path ${root} ${file})
    else()
      get_filename_component(path ${file} NAME)
    endif()
    list(APPEND files ${file})
    list(APPEND paths ${path})
  endforeach()
  add_custom_command(
    OUTPUT ${folder}/${arg_NAME}.cpp ${folder}/${arg_NAME}.hpp
    COMMAND ${CMAKE_COMMAND} -DNAME=${arg_NAME} -DFOLDER=${folder} "-DFILES=${files}" "-DPATHS=${paths}"
            -DGZIP=${KIT_GZIP} -P ${KIT_EMBED_SCRIPT}
    DEPENDS ${files} ${KIT_EMBED_SCRIPT}
    COMMENT "Embedding ${arg_NAME}"
    VERBATIM)
  # The assembler reads the bytes, so the compiler's own dependency scan does not see them.
  set_source_files_properties(${folder}/${arg_NAME}.cpp PROPERTIES OBJECT_DEPENDS "${files}")
  target_sources(${target} PRIVATE ${folder}/${arg_NAME}.cpp ${folder}/${arg_NAME}.hpp)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()

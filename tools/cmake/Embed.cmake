# Embeds files into a program at build time, with nothing but CMake. It is two things: included, it
# defines progressd_embed(); run with `cmake -P`, it writes the C++ source.
#
# progressd_embed(<target> HEADER <header> FUNCTION <name> BASE <dir> FILES <file>...)
#
# Adds to <target> a source that includes HEADER and implements, in namespace progressd,
#     std::span<const Asset> <name>();
# where HEADER declares it and `struct Asset { std::string_view path; std::string_view bytes; };`.
# FILES are relative to BASE, and so is each Asset's path ("index.html"); they are in the order given.
# The source is written again when one of the files changes.

if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(PROGRESSD_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")

  function(progressd_embed target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "HEADER;FUNCTION;BASE" "FILES")
    foreach(word HEADER FUNCTION BASE FILES)
      if(NOT arg_${word})
        message(FATAL_ERROR "progressd_embed(${target}): ${word} is missing")
      endif()
    endforeach()
    get_filename_component(base "${arg_BASE}" ABSOLUTE)
    set(output "${CMAKE_CURRENT_BINARY_DIR}/embedded/${arg_FUNCTION}.cc")
    list(TRANSFORM arg_FILES PREPEND "${base}/" OUTPUT_VARIABLE inputs)
    add_custom_command(
      OUTPUT "${output}"
      COMMAND "${CMAKE_COMMAND}"
        "-DOUTPUT=${output}" "-DHEADER=${arg_HEADER}" "-DFUNCTION=${arg_FUNCTION}"
        "-DBASE=${base}" "-DFILES=${arg_FILES}" -P "${PROGRESSD_EMBED_SCRIPT}"
      DEPENDS ${inputs} "${PROGRESSD_EMBED_SCRIPT}"
      COMMENT "Embedding ${base}"
      VERBATIM)
    target_sources(${target} PRIVATE "${output}")
    # It is not there before the build, where clang-tidy reads what is built as one.
    set_source_files_properties("${output}" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endfunction()

  return()
endif()

set(rows "")
list(LENGTH FILES count)
foreach(file IN LISTS FILES)
  file(SIZE "${BASE}/${file}" size)
  file(READ "${BASE}/${file}" hex HEX)
  # Every byte is escaped, so no escape can swallow the character after it, and any file is safe.
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" literal "${hex}")
  string(APPEND rows "      Asset{\"${file}\", std::string_view{\"${literal}\", ${size}}},\n")
endforeach()

file(WRITE "${OUTPUT}" "// Written by tools/cmake/Embed.cmake from ${FILES}. Do not edit.
#include <array>
#include <span>
#include <string_view>

#include \"${HEADER}\"

namespace progressd {

std::span<const Asset> ${FUNCTION}() {
  static constexpr std::array<Asset, ${count}> kAssets{{
${rows}  }};
  return kAssets;
}

}  // namespace progressd
")

# What all of our targets share: the language, the warnings, the sanitizers, and how a test and a
# bench are registered. Options sit on interface targets and never in global flags, so that what is
# not ours (llhttp) is built without our warnings.

set(PROGRESSD_SANITIZE "" CACHE STRING "Sanitizers: empty, address (with undefined), or thread")
set_property(CACHE PROGRESSD_SANITIZE PROPERTY STRINGS "" address thread)
option(PROGRESSD_ASSERTIONS "Keep assert() and the standard library's own checks" OFF)

# Sanitized builds are Clang's: libFuzzer is part of it, and it takes half of GCC's time for them.
# They take several files as one (CMAKE_UNITY_BUILD in the presets): what files keep to themselves in
# an anonymous namespace needs a name that no other of the library has.
add_library(progressd_sanitizers INTERFACE)
# -O1 -g1: above that the inserted checks make the compiler several times slower.
set(flags -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
if(PROGRESSD_SANITIZE STREQUAL "address")
  list(APPEND flags -fsanitize=address,undefined
    "-fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/tests/fuzz/ignored_by_sanitizers.txt")
elseif(PROGRESSD_SANITIZE STREQUAL "thread")
  list(APPEND flags -fsanitize=thread)
elseif(PROGRESSD_SANITIZE STREQUAL "")
  set(flags "")
else()
  message(FATAL_ERROR "PROGRESSD_SANITIZE is '${PROGRESSD_SANITIZE}': use \"\", address or thread")
endif()
if(PROGRESSD_SANITIZE AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "the sanitizers want Clang: cmake --preset asan, or tsan")
endif()
target_compile_options(progressd_sanitizers INTERFACE ${flags})
target_link_options(progressd_sanitizers INTERFACE ${flags})

# Link it PRIVATE from what the fuzz targets look into.
add_library(progressd_fuzzed INTERFACE)
if(PROGRESSD_SANITIZE STREQUAL "address")
  target_compile_options(progressd_fuzzed INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Link it PRIVATE, and last, from what is no part of the server: the compiler needs half the time
# without optimisation, and tests and tools are quick all the same.
add_library(progressd_unoptimised INTERFACE)
if(PROGRESSD_SANITIZE)
  target_compile_options(progressd_unoptimised INTERFACE -O0)
endif()

# Link it PUBLIC from progressd_core: everything else then has it.
add_library(progressd_options INTERFACE)
target_compile_features(progressd_options INTERFACE cxx_std_20)
target_include_directories(progressd_options INTERFACE
  "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>" "$<INSTALL_INTERFACE:include/progressd>")
target_link_libraries(progressd_options INTERFACE progressd_sanitizers)
if(PROGRESSD_ASSERTIONS)
  # After the build type's own -DNDEBUG on the command line, so this one wins.
  target_compile_options(progressd_options INTERFACE -UNDEBUG)
  target_compile_definitions(progressd_options INTERFACE _GLIBCXX_ASSERTIONS)
endif()

# Link it PRIVATE from each of our targets.
add_library(progressd_warnings INTERFACE)
target_compile_options(progressd_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC 12 sees overlapping copies inside std::string where there are none (GCC bug 105651).
    target_compile_options(progressd_warnings INTERFACE -Wno-restrict)
  endif()
endif()

# Sanitized tests run several times slower, and two cores may be busy with something else.
set(PROGRESSD_TEST_TIMEOUT 120)
if(PROGRESSD_SANITIZE)
  set(PROGRESSD_TEST_TIMEOUT 300)
endif()

# progressd_test(<core|net> <name> [SOURCES extra.cc...] [LIBRARIES target...])
#
# Builds tests/<folder>/<name>_test.cc against progressd_<folder> and registers each of its tests.
# <name> may have folders: progressd_test(core stream/outbox) is tests/core/stream/outbox_test.cc,
# target stream_outbox_test. Extra sources are relative to tests/.
function(progressd_test folder name)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "SOURCES;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "progressd_test(${folder} ${name}): what is '${arg_UNPARSED_ARGUMENTS}'?")
  endif()
  string(MAKE_C_IDENTIFIER "${name}_test" target)
  list(TRANSFORM arg_SOURCES PREPEND "${PROJECT_SOURCE_DIR}/tests/")
  add_executable(${target} "${PROJECT_SOURCE_DIR}/tests/${folder}/${name}_test.cc" ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE
    progressd_${folder} progressd_options progressd_warnings ${arg_LIBRARIES}
    GTest::gtest_main GTest::gtest progressd_unoptimised)
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
  gtest_discover_tests(${target}
    DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${PROGRESSD_TEST_TIMEOUT} LABELS ${folder})
endfunction()

# progressd_bench(<name> [LIBRARIES target...])
#
# Builds bench/<name>_bench.cc, and registers one tiny run of it, so that a bench cannot rot.
# BENCHMARK_MAIN() is not needed. LIBRARIES is progressd_net unless said otherwise.
function(progressd_bench name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "progressd_bench(${name}): what is '${arg_UNPARSED_ARGUMENTS}'?")
  endif()
  if(NOT arg_LIBRARIES)
    set(arg_LIBRARIES progressd_net)
  endif()
  string(MAKE_C_IDENTIFIER "${name}_bench" target)
  add_executable(${target} "${PROJECT_SOURCE_DIR}/bench/${name}_bench.cc")
  target_link_libraries(${target} PRIVATE
    ${arg_LIBRARIES} progressd_options progressd_warnings
    benchmark::benchmark_main benchmark::benchmark)
  add_test(NAME bench.${name} COMMAND ${target} --benchmark_min_time=0.001)
  set_tests_properties(bench.${name} PROPERTIES TIMEOUT ${PROGRESSD_TEST_TIMEOUT} LABELS bench)
endfunction()

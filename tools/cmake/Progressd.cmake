# What all of our targets share: the language, the warnings, the sanitizers, and how a test and a
# bench are registered. Options sit on interface targets and never in global flags, so that what is
# not ours (llhttp) is built without our warnings.

set(PROGRESSD_SANITIZE "" CACHE STRING
  "Sanitizers: empty, address (with undefined), thread, or fuzz (address, with libFuzzer's eyes)")
set_property(CACHE PROGRESSD_SANITIZE PROPERTY STRINGS "" address thread fuzz)
option(PROGRESSD_ASSERTIONS "Keep assert() and the standard library's own checks" OFF)

# Sanitized builds take several files as one (CMAKE_UNITY_BUILD in the presets): what files keep to
# themselves in an anonymous namespace needs a name that no other of the library has.
add_library(progressd_sanitizers INTERFACE)
if(PROGRESSD_SANITIZE STREQUAL "address")
  # -O1 -g1: above that the inserted checks make the compiler several times slower.
  set(flags -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
  # Tests are two fifths faster to compile without optimisation, and quick all the same.
  set(PROGRESSD_TEST_FLAGS -O0)
elseif(PROGRESSD_SANITIZE STREQUAL "thread")
  set(flags -fsanitize=thread -fno-omit-frame-pointer -O1 -g1)
elseif(PROGRESSD_SANITIZE STREQUAL "fuzz")
  # Clang only. The fuzz targets themselves link libFuzzer, which brings main().
  set(flags -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer -O1 -g1
    "-fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/tests/fuzz/ignored_by_sanitizers.txt")
elseif(PROGRESSD_SANITIZE STREQUAL "")
  set(flags "")
else()
  message(FATAL_ERROR
    "PROGRESSD_SANITIZE is '${PROGRESSD_SANITIZE}': use \"\", address, thread or fuzz")
endif()
target_compile_options(progressd_sanitizers INTERFACE ${flags})
target_link_options(progressd_sanitizers INTERFACE ${flags})

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
  if(PROGRESSD_SANITIZE)
    # The checks that sanitizers insert confuse this one, as GCC's manual says.
    target_compile_options(progressd_warnings INTERFACE -Wno-maybe-uninitialized)
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
    GTest::gtest_main GTest::gtest)
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
  # Of the source: these come after all flags of the target.
  set_source_files_properties("${PROJECT_SOURCE_DIR}/tests/${folder}/${name}_test.cc"
    PROPERTIES COMPILE_OPTIONS "${PROGRESSD_TEST_FLAGS}")
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

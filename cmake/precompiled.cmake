# What most files include, compiled once for each way of compiling. A header that is missing where it is used is found by
# tests/layering.

# athanor_precompiled(NAME OPTIONS… HEADERS… LIBRARIES…): the common headers and these.
function(athanor_precompiled name)
  cmake_parse_arguments(arg "" "" "OPTIONS;HEADERS;LIBRARIES" ${ARGN})
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/precompiled_${name}.cpp CONTENT "")
  add_library(precompiled_${name} OBJECT ${PROJECT_BINARY_DIR}/precompiled_${name}.cpp)
  target_link_libraries(precompiled_${name} PRIVATE athanor_settings fmt::fmt nlohmann_json::nlohmann_json protobuf::libprotobuf
    ${arg_LIBRARIES})
  set_target_properties(precompiled_${name} PROPERTIES ATHANOR_OPTIONS "${arg_OPTIONS}")
  # Without a time of its own, so that the same headers are the same file to ccache.
  target_compile_options(precompiled_${name} PRIVATE ${arg_OPTIONS} $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>)
  target_precompile_headers(precompiled_${name} PRIVATE <algorithm> <array> <chrono> <cmath> <condition_variable> <filesystem>
    <fstream> <functional> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread> <variant> <vector>
    <fmt/format.h> <fmt/ranges.h> <nlohmann/json.hpp> <google/protobuf/message.h> ${arg_HEADERS})
endfunction()

# athanor_precompile(TARGET NAME): compile the target with them, and with the options that they were compiled with.
function(athanor_precompile target name)
  if(TARGET precompiled_${name})
    get_target_property(options precompiled_${name} ATHANOR_OPTIONS)
    target_compile_options(${target} PRIVATE ${options})
    target_precompile_headers(${target} REUSE_FROM precompiled_${name})
  endif()
endfunction()

# GCC 12 takes precompiled headers for files of ours, and warns of overflows in the standard library that are not there. Real
# ones are AddressSanitizer's to find.
set(no_guesses $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds> $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow> $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread>)
# Libraries are optimised everywhere: their code is what runs long, that of tests and programs what compiles long.
set(release $<CONFIG:Release>)
athanor_precompiled(libraries OPTIONS $<$<NOT:${release}>:-O1> ${no_guesses})
athanor_precompiled(numerical_libraries OPTIONS $<IF:${release},-O3,-O1> ${no_guesses} HEADERS <Eigen/Dense> LIBRARIES Eigen3::Eigen)
athanor_precompiled(programs OPTIONS ${no_guesses})
if(ATHANOR_TESTS)
  find_package(Catch2 2.13 REQUIRED)
  athanor_precompiled(tests OPTIONS $<${release}:-O1> ${no_guesses} HEADERS <catch2/catch.hpp> LIBRARIES Catch2::Catch2)
  # Much of these is linear algebra in headers.
  athanor_precompiled(numerical_tests OPTIONS -O1 ${no_guesses} HEADERS <catch2/catch.hpp> <Eigen/Dense>
    LIBRARIES Catch2::Catch2 Eigen3::Eigen)
endif()

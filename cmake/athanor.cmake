# Compiler settings and the functions in which the root CMakeLists.txt is written.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

option(ATHANOR_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(ATHANOR_BENCH "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
set(ATHANOR_ARCH "x86-64-v3" CACHE STRING "Instruction set: x86-64-v3 (portable), native (this machine only), or empty")
option(ATHANOR_FUZZ "Build the fuzz targets with libFuzzer; needs clang" OFF)
set(ATHANOR_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

find_program(CCACHE ccache)
if(CCACHE)
  # What it must be told before it keeps anything that was compiled with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()

find_package(PkgConfig REQUIRED)
find_package(Eigen3 3.4 REQUIRED)
find_package(NLopt REQUIRED)
find_package(fmt REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(Threads REQUIRED)
find_package(CURL REQUIRED)
find_package(Boost 1.74 REQUIRED)
pkg_check_modules(zmq REQUIRED IMPORTED_TARGET libzmq)
# Debian's libzmq asks for headers of Kerberos and others, which zmq.h does not need; CMake 3.25 puts them elsewhere at its
# second run, and all would be compiled again.
set_target_properties(PkgConfig::zmq PROPERTIES INTERFACE_COMPILE_OPTIONS "" INTERFACE_INCLUDE_DIRECTORIES "")
pkg_check_modules(modbus REQUIRED IMPORTED_TARGET libmodbus)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(pugixml REQUIRED IMPORTED_TARGET pugixml)
pkg_check_modules(grpcpp REQUIRED IMPORTED_TARGET grpc++)
pkg_check_modules(hdf5 REQUIRED IMPORTED_TARGET hdf5-serial)
pkg_check_modules(libdeflate REQUIRED IMPORTED_TARGET libdeflate)
find_library(UDUNITS2 udunits2 REQUIRED)
add_library(udunits2 INTERFACE)
target_link_libraries(udunits2 INTERFACE ${UDUNITS2})

add_library(athanor_settings INTERFACE)
target_compile_features(athanor_settings INTERFACE cxx_std_20)
target_include_directories(athanor_settings INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
# Warnings are GCC's, with which the release is built; clang builds what runs under sanitizers, in two thirds of the time. -Wno-restrict: GCC 12 finds overlaps in std::string that are not there (its bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND PROJECT_IS_TOP_LEVEL)
  target_compile_options(athanor_settings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wno-restrict -Werror)
endif()
target_compile_options(athanor_settings INTERFACE -pthread)
target_compile_definitions(athanor_settings INTERFACE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
# Same input, same output on every machine of one instruction set: no contraction into fused operations behind our back.
target_compile_options(athanor_settings INTERFACE -ffp-contract=off)
if(ATHANOR_ARCH AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  target_compile_options(athanor_settings INTERFACE -march=${ATHANOR_ARCH})
endif()
if(ATHANOR_SANITIZE)
  # GCC's own instrumentation makes it doubt the standard library's std::function; the release build keeps that warning.
  target_compile_options(athanor_settings INTERFACE -fsanitize=${ATHANOR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(athanor_settings INTERFACE -fsanitize=${ATHANOR_SANITIZE})
  target_compile_definitions(athanor_settings INTERFACE ATHANOR_SANITIZED)  # clang does not say it
  if(ATHANOR_SANITIZE MATCHES thread)
    target_compile_definitions(athanor_settings INTERFACE ATHANOR_THREAD_SANITIZER)
  endif()
  if(ATHANOR_SANITIZE MATCHES undefined)
    # Of pointers AddressSanitizer sees what these would, but for misaligned ones, and no bytes are cast to numbers here.
    # Without them Eigen takes two thirds of the processor's time to compile.
    target_compile_options(athanor_settings INTERFACE -fno-sanitize=object-size,null,alignment,pointer-overflow)
  endif()
endif()

include(precompiled)

# athanor_module(NAME DEPENDS modules… LIBRARIES targets…): all sources of the folder as one static library.
function(athanor_module name)
  cmake_parse_arguments(arg "" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${name}/*.cpp)
  add_library(athanor_${name} STATIC ${sources})
  list(TRANSFORM arg_DEPENDS PREPEND athanor_)
  target_link_libraries(athanor_${name} PUBLIC athanor_settings Threads::Threads ${arg_DEPENDS} ${arg_LIBRARIES})
  if(name MATCHES "surrogates|optimizers")
    athanor_precompile(athanor_${name} numerical_libraries)
  else()
    athanor_precompile(athanor_${name} libraries)
  endif()
endfunction()

# athanor_loadable(MODULE NAME LIBRARIES targets…): all sources of MODULE/NAME as a library that the module loads when it
# needs it, for what would make every start slower. It knows the module's headers, and links none of its code.
function(athanor_loadable module name)
  cmake_parse_arguments(arg "" "" "LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${module}/${name}/*.cpp)
  add_library(athanor_${name} MODULE ${sources})
  set_target_properties(athanor_${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
  target_link_libraries(athanor_${name} PRIVATE athanor_settings Threads::Threads ${arg_LIBRARIES})
  add_dependencies(athanor_${module} athanor_${name})
endfunction()

# athanor_program(NAME …): the same as an executable.
function(athanor_program name)
  cmake_parse_arguments(arg "" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${name}/*.cpp)
  add_executable(${name} ${sources})
  # Its loadable libraries are beside it, in lib/, wherever both are moved to.
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin BUILD_RPATH "$ORIGIN/../lib")
  target_compile_definitions(${name} PRIVATE ATHANOR_VERSION="${PROJECT_VERSION}")
  list(TRANSFORM arg_DEPENDS PREPEND athanor_)
  target_link_libraries(${name} PRIVATE athanor_settings ${arg_DEPENDS} ${arg_LIBRARIES})
  athanor_precompile(${name} programs)
endfunction()

# athanor_proto(NAME): every .proto of the folder, generated into the build folder, as one static library.
function(athanor_proto name)
  file(GLOB protos CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${name}/*.proto)
  set(sources)
  foreach(proto ${protos})
    get_filename_component(stem ${proto} NAME_WE)
    set(out ${PROJECT_BINARY_DIR}/${name}/${stem}.pb)
    add_custom_command(OUTPUT ${out}.cc ${out}.h
      COMMAND protobuf::protoc --proto_path=${PROJECT_SOURCE_DIR} --cpp_out=${PROJECT_BINARY_DIR} ${proto}
      DEPENDS ${protos} VERBATIM)
    list(APPEND sources ${out}.cc ${out}.h)
  endforeach()
  add_library(athanor_${name} STATIC ${sources})
  target_include_directories(athanor_${name} SYSTEM PUBLIC ${PROJECT_BINARY_DIR})
  target_link_libraries(athanor_${name} PUBLIC protobuf::libprotobuf Threads::Threads)
  if(ATHANOR_SANITIZE)
    target_compile_options(athanor_${name} PRIVATE -fsanitize=${ATHANOR_SANITIZE})
  endif()
endfunction()

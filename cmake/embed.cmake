# Files inside the program, as bytes in it: the report's page, and what `athanor driver new` writes.

# athanor_embed(TARGET PREFIX name file …): each file as athanor_PREFIX_name and athanor_PREFIX_name_end, two arrays of char.
function(athanor_embed target prefix)
  set(parts ${ARGN})
  set(code "// Made by cmake/embed.cmake.\n")
  set(files)
  while(parts)
    list(POP_FRONT parts name file)
    list(APPEND files ${file})
    set(symbol athanor_${prefix}_${name})
    string(APPEND code
      "asm(\".pushsection .rodata\\n.global ${symbol}\\n${symbol}: .incbin \\\"${file}\\\"\\n\"\n"
      "    \".global ${symbol}_end\\n${symbol}_end: .byte 0\\n.popsection\\n\");\n")
  endwhile()
  set(source ${PROJECT_BINARY_DIR}/embedded/${prefix}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "${code}" @ONLY)
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${files}")
  target_sources(${target} PRIVATE ${source})
endfunction()

# athanor_report_page(MODULE): adds the page to athanor_MODULE, as controller/report.cpp reads it: web/report.js bundled with
# its charts into one script. Needs web/node_modules (script/bootstrap); nothing is fetched while building.
function(athanor_report_page module)
  set(web ${PROJECT_SOURCE_DIR}/web)
  file(GLOB esbuild ${web}/node_modules/@esbuild/*/bin/esbuild)
  if(NOT esbuild OR NOT EXISTS ${web}/node_modules/echarts/package.json)
    message(FATAL_ERROR "The report's charts are not there (${web}/node_modules). Run script/bootstrap, or: npm ci --prefix web")
  endif()
  list(GET esbuild 0 esbuild)

  set(out ${PROJECT_BINARY_DIR}/web)
  file(GLOB scripts CONFIGURE_DEPENDS ${web}/*.js)
  add_custom_command(OUTPUT ${out}/report.js
    COMMAND ${esbuild} ${web}/report.js --bundle --minify --format=iife --target=es2020 --charset=utf8
            --log-level=warning --outfile=${out}/report.js
    DEPENDS ${scripts} ${web}/package-lock.json VERBATIM COMMENT "Bundling the report page")

  athanor_embed(athanor_${module} report html ${web}/report.html style ${web}/report.css script ${out}/report.js)
endfunction()

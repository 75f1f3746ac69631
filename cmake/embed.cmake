# The report page inside the program: web/report.js bundled with its charts into one script, and all three parts of the
# page as bytes in the library. Needs web/node_modules (script/bootstrap); nothing is fetched while building.

# athanor_report_page(MODULE): adds the page to athanor_MODULE, as controller/report.cpp reads it.
function(athanor_report_page module)
  set(web ${CMAKE_SOURCE_DIR}/web)
  file(GLOB esbuild ${web}/node_modules/@esbuild/*/bin/esbuild)
  if(NOT esbuild OR NOT EXISTS ${web}/node_modules/echarts/package.json)
    message(FATAL_ERROR "The report's charts are not there (${web}/node_modules). Run script/bootstrap, or: npm ci --prefix web")
  endif()
  list(GET esbuild 0 esbuild)

  set(out ${CMAKE_BINARY_DIR}/web)
  file(GLOB scripts CONFIGURE_DEPENDS ${web}/*.js)
  add_custom_command(OUTPUT ${out}/report.js
    COMMAND ${esbuild} ${web}/report.js --bundle --minify --format=iife --target=es2020 --charset=utf8
            --log-level=warning --outfile=${out}/report.js
    DEPENDS ${scripts} ${web}/package-lock.json VERBATIM COMMENT "Bundling the report page")

  set(parts html ${web}/report.html style ${web}/report.css script ${out}/report.js)
  set(code "// Made by cmake/embed.cmake.\n")
  while(parts)
    list(POP_FRONT parts name file)
    string(APPEND code
      "asm(\".pushsection .rodata\\n.global athanor_report_${name}\\nathanor_report_${name}: .incbin \\\"${file}\\\"\\n\"\n"
      "    \".global athanor_report_${name}_end\\nathanor_report_${name}_end: .byte 0\\n.popsection\\n\");\n")
  endwhile()
  file(CONFIGURE OUTPUT ${out}/report_page.cpp CONTENT "${code}" @ONLY)
  set_source_files_properties(${out}/report_page.cpp PROPERTIES
    OBJECT_DEPENDS "${web}/report.html;${web}/report.css;${out}/report.js")
  target_sources(athanor_${module} PRIVATE ${out}/report_page.cpp)
endfunction()

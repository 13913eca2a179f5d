# cmake -DOUTPUT=web_files.c -DFOLDER=web -DOPENAPI=openapi.json -P web_files.cmake: writes the files of the page, and the
# description of the API, as C arrays with their table.
set(type_html "text/html; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_svg "image/svg+xml")
set(type_json "application/json")
file(GLOB files RELATIVE ${FOLDER} ${FOLDER}/*.html ${FOLDER}/*.js ${FOLDER}/*.css ${FOLDER}/*.svg)
list(SORT files)
list(APPEND files "openapi.json")
set(arrays "")
set(rows "")
set(number 0)
foreach(name ${files})
    if(name STREQUAL "openapi.json")
        set(path "/api/openapi.json")
        set(extension "json")
        file(READ ${OPENAPI} hex HEX)
    else()
        set(path "/${name}")
        string(REGEX REPLACE ".*\\." "" extension ${name})
        file(READ ${FOLDER}/${name} hex HEX)
    endif()
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    string(APPEND arrays "static const unsigned char file_${number}[] = {\n${hex}\n};\n")
    if(name STREQUAL "index.html")
        set(path "/")
    endif()
    string(APPEND rows "    {\"${path}\", \"${type_${extension}}\", file_${number}, sizeof file_${number}},\n")
    math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUTPUT} "#include \"web_files.h\"\n\n#include <string.h>\n\n${arrays}
static const struct ct_web_file files[] = {\n${rows}};\n
const struct ct_web_file *ct_web_file_find(const char *path)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (strcmp(files[i].path, path) == 0) {
            return &files[i];
        }
    }
    return NULL;
}
")

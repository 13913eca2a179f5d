/* The page's files, compiled in. Generated from web/ by web_files.cmake. */
#ifndef CT_FLEET_WEB_FILES_H
#define CT_FLEET_WEB_FILES_H

#include <stddef.h>

struct ct_web_file {
    const char *path; /* as in the address, "/" for index.html */
    const char *type;
    const unsigned char *data;
    size_t len;
};

/* NULL when there is none. */
const struct ct_web_file *ct_web_file_find(const char *path);

#endif

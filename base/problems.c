#include "problems.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ct_problems_begin(char *problems, size_t size)
{
    if (size > 0 && !ct_problems_all(size)) {
        problems[0] = '\0';
    }
}

void ct_problems_add(char *problems, size_t size, const char *format, ...)
{
    const size_t used = size > 0 ? strnlen(problems, size - 1) : 0;
    if (size == 0 || (used > 0 && !ct_problems_all(size))) {
        return;
    }
    const size_t begin = used > 0 ? used + 1 : 0; /* behind a line's end */
    if (begin + 1 >= size) {
        return;
    }
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(problems + begin, size - begin, format, args);
    va_end(args);
    if (len <= 0 || (used > 0 && (size_t)len >= size - begin)) {
        problems[used] = '\0'; /* half a line helps nobody, unless it is the only one */
        return;
    }
    for (char *c = problems + begin; *c != '\0'; c++) {
        *c = iscntrl((unsigned char)*c) != 0 ? '?' : *c;
    }
    if (used > 0) {
        problems[used] = '\n';
    }
}

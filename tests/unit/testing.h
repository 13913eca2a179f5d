/* What every unit test includes: cmocka and the headers it wants before it. */
#ifndef CT_TESTS_TESTING_H
#define CT_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif

/* The project's error codes and their texts.
 *
 * Every fallible function returns 0 (CT_OK) or a negative enum ct_err. Domain answers (UDS NRC, policy verdicts,
 * command refusals) are their own enums and never travel as a ct_err.
 * Thread-safe: constant data only. */
#ifndef CT_BASE_ERRORS_H
#define CT_BASE_ERRORS_H

/* name, value, text */
#define CT_ERR_MAP(X)                               \
    X(OK, 0, "no error")                            \
    X(ERR_AGAIN, -1, "not now, try again")          \
    X(ERR_ARGUMENT, -2, "wrong argument")           \
    X(ERR_NO_MEMORY, -3, "out of memory")           \
    X(ERR_FULL, -4, "no room left")                 \
    X(ERR_TOO_LARGE, -5, "larger than the limit")   \
    X(ERR_TRUNCATED, -6, "ends too early")          \
    X(ERR_SYNTAX, -7, "not in the expected form")   \
    X(ERR_CORRUPT, -8, "content is damaged")        \
    X(ERR_NOT_FOUND, -9, "not found")               \
    X(ERR_EXISTS, -10, "already exists")            \
    X(ERR_RANGE, -11, "value out of range")         \
    X(ERR_UNSUPPORTED, -12, "not supported")        \
    X(ERR_TIMEOUT, -13, "timed out")                \
    X(ERR_CLOSED, -14, "closed by the other side")  \
    X(ERR_BUSY, -15, "in use by somebody else")     \
    X(ERR_PERMISSION, -16, "permission denied")     \
    X(ERR_DOWN, -17, "interface or link is down")   \
    X(ERR_IO, -18, "input/output error")            \
    X(ERR_SIGNATURE, -19, "signature is not valid") \
    X(ERR_END, -20, "end of input")

#define CT_ERR_ENUM(name, value, text) CT_##name = (value),
enum ct_err { CT_ERR_MAP(CT_ERR_ENUM) };
#undef CT_ERR_ENUM

#define CT_MUST_CHECK         __attribute__((warn_unused_result))
#define CT_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Exit codes of every program. */
enum ct_exit { CT_EXIT_OK = 0, CT_EXIT_FAILED = 1, CT_EXIT_USAGE = 2, CT_EXIT_ENVIRONMENT = 3 };

/* Text of an error code; never NULL, also for unknown codes. */
const char *ct_err_text(int err);

/* The ct_err that stands for an errno value; CT_ERR_IO for what has no better name. */
int ct_err_from_errno(int errnum);

#endif

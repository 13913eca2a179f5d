#include "asc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* How month names start, in the languages tools run in; longer ones first where one starts another. */
static const struct {
    const char *start;
    int month;
} months[] = {
    {"jan", 1},
    {"ene", 1},
    {"gen", 1},
    {"feb", 2},
    {"fev", 2},
    {"f\xC3\xA9v", 2},
    {"f\xE9v", 2},
    {"mar", 3},
    {"m\xC3\xA4r", 3},
    {"m\xE4r", 3},
    {"mrz", 3},
    {"apr", 4},
    {"avr", 4},
    {"abr", 4},
    {"may", 5},
    {"mai", 5},
    {"mag", 5},
    {"maj", 5},
    {"juni", 6},
    {"juin", 6},
    {"jun", 6},
    {"giu", 6},
    {"juil", 7},
    {"jul", 7},
    {"lug", 7},
    {"aug", 8},
    {"aou", 8},
    {"ao\xC3\xBB", 8},
    {"ao\xFB", 8},
    {"ago", 8},
    {"sep", 9},
    {"set", 9},
    {"oct", 10},
    {"okt", 10},
    {"ott", 10},
    {"out", 10},
    {"nov", 11},
    {"dec", 12},
    {"d\xC3\xA9"
     "c",
     12},
    {"d\xE9"
     "c",
     12},
    {"dez", 12},
    {"dic", 12},
};

struct date {
    int year;
    int month;
    int day;
    int hour; /* -1: no time seen */
    int minute;
    int second;
    int ms;
    int half; /* 'a', 'p', 0 */
};

static int month_of(const char *word)
{
    for (size_t i = 0; i < sizeof months / sizeof months[0]; i++) {
        if (strncasecmp(word, months[i].start, strlen(months[i].start)) == 0) {
            return months[i].month;
        }
    }
    return 0;
}

static void take_fraction(const char *word, struct date *d)
{
    int digits = 0;
    int value = 0;
    while (digits < 3 && isdigit((unsigned char)word[digits])) {
        value = value * 10 + (word[digits] - '0');
        digits++;
    }
    d->ms = value;
}

static void take_time(const char *word, struct date *d)
{
    int used = 0;
    if (sscanf(word, "%2d:%2d:%2d%n", &d->hour, &d->minute, &d->second, &used) == 3 &&
        (word[used] == '.' || word[used] == ',' || word[used] == ':')) {
        take_fraction(word + used + 1, d);
    }
}

/* 30.09.2017, 9/30/2017, 2017-09-30 */
static bool take_numbers(const char *word, struct date *d)
{
    int a = 0;
    int b = 0;
    int c = 0;
    char separator = 0;
    if (sscanf(word, "%4d%c%2d%*c%4d", &a, &separator, &b, &c) != 4 || strchr("./-", separator) == NULL) {
        return false;
    }
    d->year = a > 31 ? a : c;
    d->month = a > 31 || separator != '/' ? b : a;
    d->day = a > 31 ? c : separator != '/' ? a : b;
    return true;
}

/* A bare number is the day or the year; digits with a tail of another script are a month, then a day (4\u6708
 * 16\u65E5). */
static void take_number(const char *word, struct date *d)
{
    int value = 0;
    int used = 0;
    if (sscanf(word, "%4d%n", &value, &used) != 1) {
        return;
    }
    if (value > 31) {
        d->year = value;
    } else if ((unsigned char)word[used] >= 0x80 && d->month == 0) {
        d->month = value;
    } else if (d->day == 0) {
        d->day = value;
    }
}

static void take_word(const char *word, struct date *d)
{
    if (strchr(word, ':') != NULL) {
        take_time(word, d);
    } else if (isdigit((unsigned char)word[0])) {
        if (!take_numbers(word, d)) {
            take_number(word, d);
        }
    } else if (strncasecmp(word, "am", 3) == 0 || strncasecmp(word, "a.m.", 5) == 0) {
        d->half = 'a';
    } else if (strncasecmp(word, "pm", 3) == 0 || strncasecmp(word, "p.m.", 5) == 0) {
        d->half = 'p';
    } else if (d->month == 0) {
        d->month = month_of(word);
    }
}

static bool plausible(const struct date *d)
{
    return d->year >= 1970 && d->year <= 2200 && d->month >= 1 && d->month <= 12 && d->day >= 1 && d->day <= 31 &&
           d->hour >= 0 && d->hour <= 23 && d->minute >= 0 && d->minute <= 59 && d->second >= 0 && d->second <= 60;
}

int ct_asc_parse_date(const char *text, size_t len, int64_t *out_utc_ns)
{
    struct date d = {.hour = -1};
    size_t words = 0;
    for (size_t at = 0; at < len;) {
        char word[32];
        size_t n = 0;
        for (; at < len && !isspace((unsigned char)text[at]); at++) {
            if (n + 1 < sizeof word) {
                word[n++] = text[at];
            }
        }
        word[n] = '\0';
        /* The weekday comes first and may look like a month (Mar is Tuesday in Spanish). */
        if (n > 0 && (words++ > 0 || isdigit((unsigned char)word[0]))) {
            take_word(word, &d);
        }
        at++;
    }
    if (!plausible(&d)) {
        return CT_ERR_SYNTAX;
    }
    const int hour = d.half != 0 && d.hour <= 12 ? d.hour % 12 + (d.half == 'p' ? 12 : 0) : d.hour;
    struct tm civil = {.tm_year = d.year - 1900,
                       .tm_mon = d.month - 1,
                       .tm_mday = d.day,
                       .tm_hour = hour,
                       .tm_min = d.minute,
                       .tm_sec = d.second,
                       .tm_isdst = -1};
    *out_utc_ns = (int64_t)mktime(&civil) * CT_NS_PER_S + d.ms * CT_NS_PER_MS;
    return CT_OK;
}

size_t ct_asc_format_date(int64_t utc_ns, char *out_text, size_t size)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const time_t seconds = (time_t)(utc_ns / CT_NS_PER_S);
    struct tm t;
    if (localtime_r(&seconds, &t) == NULL) {
        return 0;
    }
    const int n = snprintf(out_text, size, "%s %s %02d %02d:%02d:%02d.%03d %s %d", days[t.tm_wday], names[t.tm_mon],
                           t.tm_mday, t.tm_hour % 12 == 0 ? 12 : t.tm_hour % 12, t.tm_min, t.tm_sec,
                           (int)(utc_ns % CT_NS_PER_S / CT_NS_PER_MS), t.tm_hour < 12 ? "am" : "pm", t.tm_year + 1900);
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

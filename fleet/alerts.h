/* Alert rules and the alerts they raise.
 *
 * A rule is a condition that must hold for for_ms at vehicles with its tag. While it does there is one alert for (rule,
 * vehicle); it ends when the condition ends, and stays in the list; people acknowledge it. A stale value neither raises
 * nor ends one. Changing or removing a rule ends its alerts. At most CT_RULES_MAX rules.
 * Writes belong to the database's open transaction. Belongs to one thread (folder). */
#ifndef CT_FLEET_ALERTS_H
#define CT_FLEET_ALERTS_H

#include "condition.h"
#include "registry.h"

#define CT_RULES_MAX         64
#define CT_RULE_FOR_MS_MAX   (24 * 3600 * INT64_C(1000))
#define CT_RULE_SEVERITY_MAX 16

struct ct_rule {
    char name[CT_LABEL_MAX + 1]; /* empty: no rule in this place */
    char condition[CT_CONDITION_MAX + 1];
    char tag[CT_LABEL_MAX + 1]; /* empty: all vehicles */
    char severity[CT_RULE_SEVERITY_MAX + 1];
    int64_t for_ms;
};

/* Of one vehicle and one rule. */
struct ct_rule_state {
    int64_t since_utc_ms; /* the condition holds from then on; 0: it does not */
    int64_t alert;        /* its open alert; 0: none */
};

struct ct_alerts;

/* An alert began (until_utc_ms 0) or ended, in the open transaction: after a crash the same may be told again. */
typedef void (*ct_alert_news_fn)(void *user, const struct ct_rule *rule, const struct ct_vehicle *vehicle,
                                 const char *value, int64_t since_utc_ms, int64_t until_utc_ms);

int ct_alerts_open(struct ct_database *database, struct ct_registry *registry,
                   struct ct_alerts **out_alerts) CT_MUST_CHECK;
void ct_alerts_listen(struct ct_alerts *alerts, ct_alert_news_fn fn, void *user);
void ct_alerts_close(struct ct_alerts *alerts); /* accepts NULL */

/* "info", "warning" or "critical". */
bool ct_rule_severity_valid(const char *severity);
/* NULL or what is wrong with it; *out_err is an error of storing, CT_ERR_FULL when there are too many. */
const char *ct_rule_set(struct ct_alerts *alerts, const struct ct_rule *rule, int64_t utc_ms, int *out_err);
/* CT_ERR_NOT_FOUND when there is none. */
int ct_rule_remove(struct ct_alerts *alerts, const char *name, int64_t utc_ms) CT_MUST_CHECK;
/* Rules in no order, NULL behind the last; some places are empty (name ""). */
const struct ct_rule *ct_rule_at(const struct ct_alerts *alerts, size_t place);

/* True while there is a rule to look at. */
bool ct_alerts_any(const struct ct_alerts *alerts);
/* Looks at one vehicle; vehicle->unjudged stays set while something is pending. */
int ct_alerts_judge(struct ct_alerts *alerts, struct ct_vehicle *vehicle, int64_t utc_ms) CT_MUST_CHECK;
/* Open alerts of the vehicle. */
unsigned ct_alerts_open_count(const struct ct_vehicle *vehicle);

struct ct_alert {
    int64_t id, vehicle_row, since_utc_ms, until_utc_ms, acknowledged_utc_ms; /* 0: not yet */
    const char *rule, *severity, *value, *acknowledged_by, *note;             /* NULL: none */
};
typedef int (*ct_alert_fn)(void *user, const struct ct_alert *alert);
/* Newest first; vehicle_row 0: all; texts live during the callback. */
int ct_alerts_list(struct ct_alerts *alerts, int64_t vehicle_row, bool open_only, size_t limit, ct_alert_fn fn,
                   void *user) CT_MUST_CHECK;
/* CT_ERR_NOT_FOUND: no such alert; CT_ERR_EXISTS: somebody was faster. */
int ct_alert_acknowledge(struct ct_alerts *alerts, int64_t id, const char *by, const char *note,
                         int64_t utc_ms) CT_MUST_CHECK;

#endif

/* A packet capture of CAN frames, as Wireshark and tcpdump read it: link type 227 (LINKTYPE_CAN_SOCKETCAN), stamps to
 * the nanosecond. Written, not read. Thread-safe: pure functions. */
#ifndef CT_CAN_PCAP_H
#define CT_CAN_PCAP_H

#include "frame.h"

#define CT_PCAP_HEADER     24
#define CT_PCAP_RECORD_MAX (16 + 8 + CT_FRAME_DATA_MAX)

void ct_pcap_put_header(uint8_t out[CT_PCAP_HEADER]);
/* Returns the record's length. Stamps before 1970 are 0, after 2106 wrap. */
size_t ct_pcap_put_record(const struct ct_frame *frame, int64_t stamp_ns, uint8_t out[CT_PCAP_RECORD_MAX]);

#endif

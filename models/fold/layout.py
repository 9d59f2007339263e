"""Rows of fold's tables, field by field; the places of its clock. Pure data."""

from __future__ import annotations

import numpy as np

#: Places that a key remembers, a client on a network each: the owner's, and some of who roams.
KEY_PLACES = 6
#: Clients that a key remembers as writing, the newest: who writes today from a new place is no mere reader.
KEY_WRITERS = 4

ORDER = np.dtype(
    [
        ("key", "u8"),  # mix(seller, order)
        ("developer", "u8"),  # first reader
        ("origin", "u8"),
        ("readers_developer", "u4", (3,)),  # low halves of the readers' hashes
        ("readers_origin", "u4", (3,)),
        ("readers_client", "u4", (3,)),
        ("actor_developer", "u4"),
        ("actor_client", "u4"),
        ("first", "i4"),  # minutes
        ("acted", "i4"),  # minute of the first deed, 0 = none
        ("seller", "i4"),  # its row
        ("next", "i4"),  # the next order in time
        ("readers", "u2"),  # how many of the 3 are used
        ("needed", "u2"),  # bit r: reader r's developer acted; bit 8 + r: its origin did
    ]
)
PAIR = np.dtype(
    [
        ("key", "u8"),  # mix(mix(seller, entity), kind + 1)
        ("last", "i4"),
        ("deed", "i4"),  # minute of the last deed, 0 = none
        ("blanket", "i4"),  # minute of the last deed that named no order, 0 = none
        ("since", "i4"),  # minute of the first identifying read, 0 = none
        ("dug", "i4"),  # of the taken: never touched before, long dealt with, or older than its coming
        ("unweighed", "i4"),  # untouched orders taken before enough was seen of the seller to call them old
        ("held", "i4"),  # of the dug, those taken before another party was seen to go on
        ("lonely", "i4"),  # taken since it settled in, and a day later still acted on by nobody
        ("before", "i4"),  # orders taken before it settled in, -1 = it has not yet
        ("reads", "i4"),  # identifying reads
        ("taken", "i4"),
        ("needed", "i4"),
        ("spare", "i4"),  # untouched orders that it may read yet as new ones, in orders / 1440
        ("next", "i4"),
        ("sent", "i4"),  # parcels of the seller that had been told when it came, or settled in
    ]
)
SELLER = np.dtype(
    [
        ("key", "u8"),
        ("held_developer", "u8"),  # 0 = none
        ("held_origin", "u8"),
        ("first", "i4"),
        ("last", "i4"),
        ("next", "i4"),
        ("deed_developer", "u4", (3,)),  # who acted last, by developer and client
        ("deed_client", "u4", (3,)),
        ("deed_network", "u4", (3,)),
        ("deed", "i4", (3,)),
        ("came", "i4", (3,)),  # minute of the party's first deed
        ("fresh", "i4", (3,)),  # minute until which it was seen at work: see loop
        ("sent", "i4"),  # orders of which a parcel was told
        ("held_since", "i4"),  # the newcomer that dug most, before a handler was seen to go on
        ("held_orders", "i4"),  # ... how many orders
        ("held_client", "u4"),
        ("held_network", "u4"),
        ("deeds", "i4", (24,)),  # by UTC hour; halved together when they grow large
        ("writes", "i4", (24,)),
        ("deeds_all", "i4"),
        ("writes_all", "i4"),
        ("opened", "i4"),  # minute of the first parcel that was told, 0 = none
        ("pace_day", "i4"),  # UTC day
        ("pace", "i4"),  # orders that those who handle them took on that day
        ("sent_today", "i4"),  # parcels told on that day
        ("sent_before", "i4"),  # as pace_before, of parcels
        ("pace_before", "i4"),  # most on a day before, halved with each day that has some
    ]
)
KEY = np.dtype(
    [
        ("key", "u8"),
        ("first", "i4"),
        ("last", "i4"),
        ("next", "i4"),
        ("places", "i4"),
        ("writers", "u4", (KEY_WRITERS,)),  # the last first, 0 = none
        ("roamed", "i4"),  # minute in which all places of a client that roams were told, 0 = never
        ("origin", "u8", (KEY_PLACES,)),  # that called there last
        ("client", "u4", (KEY_PLACES,)),
        ("network", "u4", (KEY_PLACES,)),
        ("since", "i4", (KEY_PLACES,)),
        ("until", "i4", (KEY_PLACES,)),
        ("read", "i4", (KEY_PLACES,)),  # minute of the last successful call that wrote nothing, 0 = none
        ("wrote", "i4", (KEY_PLACES,)),  # minute of the last write, 0 = none
    ]
)
SEEN = np.dtype([("key", "u8"), ("stamp", "i8"), ("next", "i4"), ("pad", "i4")])

#: Places in `clock`, int64[].
(
    C_VERSION,
    C_HIGHEST,  # ms, highest time believed; -1 = none yet
    C_NEXT,  # next offset expected
    C_CHUNK,
    C_HOUR,  # last hour swept
    C_ORDER_HEAD,
    C_ORDER_TAIL,
    C_ORDER_JUDGE,  # next order to be judged alone or not
    C_SEEN_HEAD,
    C_SEEN_TAIL,
    C_PENDING,  # records that wait to be believed
    C_VOTED,  # offset of the last record that voted on them
    C_EVENTS,
    C_DUPLICATES,
    C_LATE,
    C_AHEAD,
    C_ORDERS_FORGOTTEN,  # dropped for want of room
    C_SEEN_FORGOTTEN,
    C_SIZE,
) = range(19)

#: A record is decided after at most jump_records + against_records others, so no more are ever pending.
PENDING_MOST = 64

"""The hash of models.hashing in plain integers."""

MASK = 2**64 - 1
P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P4, P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def rotate(x: int, n: int) -> int:
    return (x << n | x >> (64 - n)) & MASK


def naive_hash(text: bytes) -> int:
    h = (P5 + len(text)) & MASK
    for at in range(0, len(text), 8):
        word = int.from_bytes(text[at : at + 8], "little")
        h ^= rotate(word * P2 & MASK, 31) * P1 & MASK
        h = (rotate(h, 27) * P1 + P4) & MASK
    for shift, factor in ((33, P2), (29, P3), (32, 1)):
        h ^= h >> shift
        h = h * factor & MASK
    return h or P1

"""A token bucket as it is meant, one call after the other, at any cost."""


def exceeded(times_ms, rate_per_ms, burst, slack=1e-6):
    """First time at which answered calls (ascending) outran a bucket that was full at first; None = never."""
    tokens, last = float(burst), None
    for time in times_ms:
        if last is not None:
            tokens = min(burst, tokens + (time - last) * rate_per_ms)
        last = time
        tokens -= 1
        if tokens < -slack:
            return time
    return None

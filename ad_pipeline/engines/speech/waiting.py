"""How long a service asks us to stay away."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping


def retry_after_s(headers: Mapping[str, str]) -> float:
    """What the service asks us to wait: seconds or a date; 0 where it says nothing that can be read."""
    told = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if told.replace(".", "", 1).isdigit():
        return float(told)
    date = email.utils.parsedate_tz(told) if told else None
    return max(0.0, email.utils.mktime_tz(date) - time.time()) if date else 0.0

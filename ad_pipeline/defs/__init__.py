"""The only folder that knows Dagster."""

import warnings

from dagster import BetaWarning, PreviewWarning

# Partition mappings and partitioned checks are beta and preview; Dagster is pinned exactly for that.
warnings.filterwarnings("ignore", category=BetaWarning)
warnings.filterwarnings("ignore", category=PreviewWarning)

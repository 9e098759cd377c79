"""What Dagster loads: `dagster dev -m ad_pipeline.definitions`."""

from ad_pipeline.defs.code_location import code_location as defs

__all__ = ["defs"]

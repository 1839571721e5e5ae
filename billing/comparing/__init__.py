"""What was estimated, what was metered and what the cloud billed, resource by resource, with the reasons between.

The estimate is the price at which a resource was ordered, for the hours from when it first existed to the end of the
period: what somebody who ordered it and looked away would expect. What it was metered at differs for reasons that the
meters know (:mod:`.causes`), and they add up to the difference. What the cloud bills differs for reasons that the bill
tells (:mod:`.bills`).
"""

from .bills import Billed
from .causes import Cause
from .rows import Compared, Comparison, compare

__all__ = ["Billed", "Cause", "Compared", "Comparison", "compare"]

"""Labels by electronic-structure programs: labellers, a queue that survives being killed, labels made elsewhere."""

from ufpnmr.active.labelling.external import Exported, Imported, export_structures, import_labels
from ufpnmr.active.labelling.labeller import SHIPPED, LabelError, Labeller, Labels, create
from ufpnmr.active.labelling.queue import Queue, Summary, label_queue

__all__ = [
    "SHIPPED",
    "Exported",
    "Imported",
    "LabelError",
    "Labeller",
    "Labels",
    "Queue",
    "Summary",
    "create",
    "export_structures",
    "import_labels",
    "label_queue",
]

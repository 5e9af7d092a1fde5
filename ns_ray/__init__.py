"""Neural video enhancement at scale: the library. It knows nothing of Ray."""

import os

os.environ.setdefault("SVT_LOG", "1")  # of the AV1 encoder: errors alone

"""Video in and out through PyAV."""

import os

os.environ.setdefault("SVT_LOG", "1")  # of the AV1 encoder: errors alone

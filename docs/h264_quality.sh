#!/bin/bash
# Quality curves of H.264 as streamers send it (docs/reconstruction.md#h264): arena0 test at 720p and 1080p by x264 as OBS
# sets it up (ns_ray/dataset/streamed.py), rebuilt at 2160p. On a GPU host; arguments are the folder of arena0's reference,
# where results go, and weights of scale 2 other than those that ship:
#
#   docs/h264_quality.sh shared/media/arena0 result/h264 [WEIGHTS_S2]
set -euo pipefail
media=$1 out=$2 two=${3:-}
python=$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)
mkdir -p "$out"
for rows in 720 1080; do
  "$python" - "$media/2160p_d8_test.webm" "$out" $rows <<'PYTHON'
import sys
from pathlib import Path

from ns_ray.dataset.streamed import STREAMED
from ns_ray.evaluation.original import reference
from ns_ray.picture.yuv import to_frame
from ns_ray.video.probe import probe
from ns_ray.video.webm import WebmWriter

original, out, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
encoding = STREAMED[rows]
path = out / encoding.name(8, "test")
if not path.exists():
    writer = WebmWriter(path, encoding.codec, encoding.size, probe(original).frame_rate, encoding.options)
    for index, picture in enumerate(reference(original, encoding.size)):
        writer.write(to_frame(picture), index)
    writer.close()
PYTHON
done
common=(--fractions 0.025 0.05 0.075 0.1 --selections neuroscaler --modes best plain --threads 8 --no-vmaf)
"$python" jobs/curves.py "$out"/720p_4000kbps_d8_test.mkv "$media"/2160p_d8_test.webm -m EDSR_B8_F32_S3 "${common[@]}" -o "$out"/720p
"$python" jobs/curves.py "$out"/1080p_6000kbps_d8_test.mkv "$media"/2160p_d8_test.webm -m EDSR_B8_F32_S2 \
  ${two:+--weights "$two"} "${common[@]}" -o "$out"/1080p

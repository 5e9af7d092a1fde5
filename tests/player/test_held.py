"""The player pairs packets with anchors that come late as the client does: the same scripts, in Node."""

import json
import shutil
import subprocess

import pytest

from ns_ray.hybrid.anchor_image import AnchorImage
from ns_ray.hybrid.held import HeldPairing
from ns_ray.player.exported import PAGE
from ns_ray.video.packets import Packet

NODE = shutil.which("node")
MODULES = ("held.js", "pairing.js")
DELAY = 4
SCRIPTS = {  # packets (their times), and anchors (their times and the numbers of their frames)
    "late anchors": [*range(4), (0, 0), 4, (3, 3), (1, 1), 5, 6, (5, 5), 7, 8, 9],
    "B frames": [0, 3, 1, 2, (3, 1), 6, 4, (1, 2), 5, 9, 7, 8, (4, 5), (8, 9), 12, 10, 11],
    "two packets of a time": [0, 2, 2, (2, 2), (2, 1), 3, 4, 5, 9],
    "a player that came late": [(1, 1), *range(30, 34), (0, 0), (5, 5), (31, 31), (33, 33), (2, 2), *range(34, 44)],
    "an anchor that is too late": [*range(8), (1, 1), (7, 7), *range(8, 12)],
    "missed packets": [0, 1, (1, 1), *range(20, 26), (20, 20), (22, 22), (24, 24), 26, 27, 31],
}
RUN = """
import { HeldPairing } from "./held.js";
const told = [];
for (const [name, script] of Object.entries(SCRIPTS)) {
  const damaged = [], pairing = new HeldPairing((index, why) => damaged.push([index, why]), DELAY), steps = [];
  const data = new Uint8Array(1);
  const pairs = (some) => Array.from(some, ([{ index }, its]) => [index, its.map((one) => one.videoIndex)]);
  let index = 0;
  for (const one of script) {
    if (typeof one === "number") steps.push(pairs(pairing.packet({ index: index++, time: one, data })));
    else steps.push(pairs(pairing.anchor(one[0], { codec: "av1", videoIndex: one[1], superIndex: 0, data })));
  }
  told.push([name, { steps: [...steps, pairs(pairing.end())], damaged }]);
}
console.log(JSON.stringify(Object.fromEntries(told)));
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What the player's modules make of each script."""
    if NODE is None:
        pytest.skip("no Node")
    folder = tmp_path_factory.mktemp("modules")
    for name in MODULES:
        shutil.copy(PAGE / name, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    script = f"const DELAY = {DELAY}, SCRIPTS = {json.dumps(SCRIPTS)};"
    (folder / "run.js").write_text(script + RUN)
    done = subprocess.run([NODE, folder / "run.js"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def by_the_client(script):
    """What `HeldPairing` makes of a script, step by step."""
    damaged: list[list[object]] = []
    pairing = HeldPairing(lambda index, why: damaged.append([index, why]), DELAY)

    def pairs(some):
        return [[packet.video_index, [image.video_index for image in its]] for packet, its in some]

    steps, index = [], 0
    for one in script:
        if isinstance(one, int):
            steps.append(pairs(pairing.packet(Packet(index, b"x", one, 1, False))))
            index += 1
        else:
            steps.append(pairs(pairing.anchor(one[0], AnchorImage(one[1], 0, b"x"))))
    return {"steps": [*steps, pairs(pairing.end())], "damaged": damaged}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_player_pairs_as_the_client(told, name):
    assert told[name] == by_the_client(SCRIPTS[name])


def test_packets_stay_in_their_order_and_take_the_anchors_of_their_times(told):
    pairs = [pair for step in told["B frames"]["steps"] for pair in step]
    assert [index for index, _ in pairs] == list(range(len(pairs)))
    assert {index: its for index, its in pairs if its} == {1: [1], 2: [2], 5: [5], 9: [9]}
    assert told["B frames"]["damaged"] == []


def test_who_comes_late_takes_no_anchor_for_another(told):
    """One of a packet sent before has a number that the player's own count comes to, as both begin at 0."""
    report = told["a player that came late"]
    assert {index: its for step in report["steps"] for index, its in step if its} == {1: [31], 3: [33]}
    assert not report["damaged"], "what was sent before is no damage"

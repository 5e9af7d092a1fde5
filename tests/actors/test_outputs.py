"""Where hosts' files come to lie, and what is left of them on another node: disks and stores are folders here."""

import shutil

import pytest

from ns_ray.actors.collected_outputs import CollectedOutputs
from ns_ray.actors.outputs import SharedOutputs
from ns_ray.actors.stored_outputs import StoredOutputs
from ns_ray.errors import ConfigError, FileError, HybridError, StoreError
from ns_ray.object_store import ObjectStore, require_store


class Nodes:
    """Disks that are folders, of nodes that may go."""

    def __init__(self, root, *names):
        self.root, self.names = root, [*names]

    def at(self, node, path):
        return self.root / node / path.relative_to(self.root / path.relative_to(self.root).parts[0])

    def nodes(self):
        return self.names

    def sizes(self, node, paths):
        found = (self.at(node, path) for path in paths)
        return [path.stat().st_size if path.is_file() else -1 for path in found]

    def fetch(self, node, path, to):
        if node not in self.names:
            raise FileError(f"{path} is gone")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.at(node, path), to)


class Live:
    """A live file on a node's disk that grows by what an epoch appends."""

    def __init__(self, outputs, disk):
        self.outputs = outputs
        self.part, self.path = disk / "run" / "a.mkv.part", disk / "run" / "a.mkv"

    def write(self, begin, data):
        if not begin:
            self.outputs.open(self.part)
        with self.part.open("r+b" if begin else "wb") as file:
            file.truncate(begin)
            file.seek(begin)
            file.write(data)
        note = self.outputs.grown(self.part, begin, begin + len(data))
        saving = getattr(self.outputs, "_saved", {}).get(self.part)
        if saving is not None and saving.saving is not None:
            saving.saving.result()
        return note

    def finish(self):
        self.part.rename(self.path)
        return self.outputs.finished(self.part, self.path)


@pytest.fixture
def stored(tmp_path):
    """Makes a node's outputs in one store; `now` is set by tests."""
    now = [0.0]
    store = ObjectStore(f"file://{tmp_path}/store")

    def make(node, seconds=0.0):
        disk = tmp_path / node
        return Live(StoredOutputs(node, store, disk, seconds, lambda: now[0]), disk)

    make.now, make.store, make.folder = now, store, tmp_path / "store" / "run"
    return make


def test_a_stored_stream_goes_on_on_another_node_and_comes_whole_into_the_store(stored):
    one, two = stored("one"), stored("two")
    one.write(0, b"first ")
    one.write(6, b"second ")
    assert not two.outputs.recover(two.part, two.path, begun=True)
    assert two.part.read_bytes() == b"first second "
    two.write(13, b"third")
    done = two.finish()
    assert (done.output, done.bytes, done.node) == (stored.store.url("run/a.mkv"), 18, "")
    assert stored.store.get("run/a.mkv") == b"first second third"
    assert [path.name for path in stored.folder.rglob("*") if path.is_file()] == ["a.mkv"]
    assert not two.path.exists()
    three = stored("three")
    assert three.outputs.recover(three.part, three.path, begun=True)
    assert three.outputs.finished(three.part, three.path) == done


def test_what_is_not_yet_saved_goes_with_the_node_and_no_more(stored):
    one, two = stored("one", 10.0), stored("two", 10.0)
    one.write(0, b"aaa")
    stored.now[0] = 10
    one.write(3, b"bbb")  # saved, with what came before
    stored.now[0] = 19
    one.write(6, b"ccc")
    two.outputs.recover(two.part, two.path, begun=True)
    assert two.part.read_bytes() == b"aaabbb"


def test_a_stream_that_is_handed_over_takes_along_what_was_not_yet_saved(stored):
    one, two = stored("one", 10.0), stored("two", 10.0)
    one.write(0, b"aaa")
    one.outputs.hand_over(one.part, 3)
    two.outputs.recover(two.part, two.path, begun=True)
    assert two.part.read_bytes() == b"aaa"


def test_what_was_half_written_is_cut_off_and_pieces_of_before_do_not_come_back(stored):
    one, two, three = stored("one"), stored("two"), stored("three")
    for begin in (0, 4, 8):
        one.write(begin, b"old.")
    two.outputs.recover(two.part, two.path, begun=True)
    two.write(2, b"NEW")  # behind the last whole note
    assert two.part.read_bytes() == b"olNEW"
    three.outputs.recover(three.part, three.path, begun=True)
    assert three.part.read_bytes() == b"olNEW"


def test_a_host_that_comes_back_takes_what_is_furthest(stored):
    one, two = stored("one", 10.0), stored("two")
    one.write(0, b"aaaa")
    stored.now[0] = 10
    one.write(4, b"bb")
    one.write(6, b"cc")  # here alone
    again = stored("one")
    again.outputs.recover(again.part, again.path, begun=True)
    assert again.part.read_bytes() == b"aaaabbcc"
    again.write(8, b"d")
    two.outputs.recover(two.part, two.path, begun=True)
    assert two.part.read_bytes() == b"aaaabbccd"
    two.write(9, b"eeee")
    once_more = stored("one")
    once_more.outputs.recover(once_more.part, once_more.path, begun=True)
    assert once_more.part.read_bytes() == b"aaaabbccdeeee"


def test_a_death_while_pieces_are_removed_leaves_the_finished_file(stored, monkeypatch):
    one, two = stored("one"), stored("two")
    one.write(0, b"aa")
    one.write(2, b"bb")
    with monkeypatch.context() as dying:
        dying.setattr(ObjectStore, "remove_all", lambda *_: (_ for _ in ()).throw(StoreError("it died")))
        with pytest.raises(HybridError, match="node one"):
            one.finish()
    assert two.outputs.recover(two.part, two.path, begun=True)
    assert two.outputs.finished(two.part, two.path).bytes == 4


def test_a_store_that_cannot_be_reached_for_a_while_is_told_of_and_costs_nothing(stored, monkeypatch):
    one, two = stored("one"), stored("two")
    one.write(0, b"aa")
    with monkeypatch.context() as away:
        away.setattr(ObjectStore, "put", lambda *_: (_ for _ in ()).throw(StoreError("no way there")))
        one.write(2, b"bb")
        assert "no way there" in one.write(4, b"cc")
    one.write(6, b"dd")
    two.outputs.recover(two.part, two.path, begun=True)
    assert two.part.read_bytes() == b"aabbccdd"


def test_a_collected_stream_brings_its_file_along_while_its_node_is_there(tmp_path):
    nodes = Nodes(tmp_path, "one", "two")
    one, two = (Live(CollectedOutputs(name, name, nodes), tmp_path / name) for name in nodes.names)
    one.write(0, b"aaaa")
    assert not two.outputs.recover(two.part, two.path, begun=True)
    assert two.part.read_bytes() == b"aaaa"
    two.write(4, b"bb")
    assert not one.outputs.recover(one.part, one.path, begun=True)
    assert one.part.read_bytes() == b"aaaabb"
    done = one.finish()
    assert (done.output, done.bytes, done.node) == (str(one.path), 6, "one")
    assert two.outputs.recover(two.part, two.path, begun=True)
    assert two.path.read_bytes() == b"aaaabb"


def test_with_a_node_its_files_go(tmp_path):
    nodes = Nodes(tmp_path, "one", "two")
    one, two = (Live(CollectedOutputs(name, name, nodes), tmp_path / name) for name in nodes.names)
    one.write(0, b"aaaa")
    nodes.names.remove("one")
    assert not two.outputs.recover(two.part, two.path, begun=True)
    assert not two.part.exists()
    with pytest.raises(HybridError, match="not on node two"):
        two.outputs.finished(two.part, two.path)


def test_a_folder_that_is_not_shared_is_refused_with_the_nodes_name_and_a_remedy(tmp_path):
    shared = SharedOutputs("10.0.0.7 (ab12)")
    there = tmp_path / "probe-x"
    with pytest.raises(HybridError, match=r"node 10\.0\.0\.7 \(ab12\) does not see .*mount .*`collected`"):
        shared.prove(there, "x", "host-0")
    there.mkdir()
    (there / "x").write_text("x")
    shared.prove(there, "x", "host-0")
    assert (there / "host-0").read_text() == "x"
    with pytest.raises(HybridError, match=r"10\.0\.0\.7.* does not see it"):
        shared.recover(tmp_path / "gone" / "a.mkv.part", tmp_path / "gone" / "a.mkv", begun=True)


def test_a_node_without_credentials_is_named(stored, monkeypatch):
    one = stored("one")
    monkeypatch.setattr(
        ObjectStore, "put", lambda *_: (_ for _ in ()).throw(StoreError("Unable to locate credentials"))
    )
    with pytest.raises(HybridError, match=r"node one .*Unable to locate credentials.*a role, or the environment"):
        one.outputs.prove(one.part.parent / "probe-x", "x", "host-0")
    with pytest.raises(ConfigError, match=r"Unable to locate credentials.*all nodes with hosts credentials"):
        require_store(stored.store.address)


def test_stores_that_cannot_be_used_are_refused_with_a_remedy(tmp_path):
    require_store(f"file://{tmp_path}/store")
    with pytest.raises(ConfigError, match=r"install|name another"):
        require_store("nowhere://bucket/there")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot be written.*credentials"):
        require_store(f"file://{tmp_path}/file/in")

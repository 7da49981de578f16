"""What the mounted tree looks like: names, modes, numbers, hidden trees, and what the kernel keeps."""
import errno
import os
import stat
import subprocess

import pytest

from scene import card, names, person, refused, seed
from simulator import wait_for
from tools import run

ANNA = person("Anna", "Lind", JobTitle="Buyer")
BERT = person("Bert", "Olsen")
pytestmark = pytest.mark.sim(seed=seed([ANNA, BERT], bob=[person("Cleo", "Park")]))


def test_modes_owners_and_types(mount):
    box = mount.mailbox("alice")
    assert stat.filemode(mount.path.stat().st_mode) == "drwxr-xr-x"
    assert stat.filemode(box.stat().st_mode) == "drwx------"
    assert stat.filemode((box / "Contacts").stat().st_mode) == "drwx------"
    file = (box / "Contacts" / "Anna Lind.vcf").stat()
    assert stat.filemode(file.st_mode) == "-rw-------"
    assert (file.st_uid, file.st_nlink) == (os.getuid(), 1)
    assert file.st_size == len((box / "Contacts" / "Anna Lind.vcf").read_bytes())


@pytest.mark.mount(options=["uid=1234", "gid=2345", "umask=027"])
def test_owner_and_umask_are_options(mount):
    file = (mount.mailbox("alice") / "Contacts" / "Anna Lind.vcf").stat()
    assert (file.st_uid, file.st_gid) == (1234, 2345)
    assert stat.filemode(file.st_mode) == "-rw-r-----"
    assert stat.filemode(mount.mailbox("alice").stat().st_mode) == "drwxr-x---"


def test_hidden_trees_are_entered_by_name_and_not_listed(mount):
    box = mount.mailbox("alice")
    assert sorted(os.listdir(mount.path)) == sorted(
        [box.name, mount.mailbox("bob").name])
    assert sorted(os.listdir(box)) == ["Calendar", "Contacts", "Tasks"]
    assert sorted(os.listdir(mount.path / ".sync")) == ["control", "errors.csv", "status.json"]
    assert sorted(os.listdir(box / ".sync")) == [
        "conflicts", "control", "errors.csv", "log", "lost+found", "settings.ini", "state",
        "status.json"]
    assert sorted(os.listdir(box / ".json" / "Contacts")) == [
        "Anna Lind.json", "Bert Olsen.json", "Salesforce_Sync"]


@pytest.mark.mount(options=["show"])
def test_show_lists_them(mount):
    assert ".sync" in os.listdir(mount.path)
    assert sorted(os.listdir(mount.mailbox("alice"))) == [
        ".json", ".sync", "Calendar", "Contacts", "Tasks"]
    assert "lost+found" in run("find", mount.path).stdout


@pytest.mark.mount(options=["user=bob@corp.example"])
def test_one_user_only(mount):
    assert os.listdir(mount.path) == ["bob@corp.example"]
    assert names(mount.mailbox("bob") / "Contacts") == ["Cleo Park.vcf"]


@pytest.mark.mount(options=["ro"])
def test_a_read_only_mount(mount):
    path = mount.mailbox("alice") / "Contacts" / "Anna Lind.vcf"
    assert b"Anna" in path.read_bytes()
    refused(errno.EROFS, path.write_bytes, b"")
    refused(errno.EROFS, path.unlink)


def test_what_may_not_be_made(mount):
    box = mount.mailbox("alice")
    refused(errno.EPERM, (mount.path / "x").mkdir)
    refused(errno.EPERM, (mount.path / "x.vcf").write_bytes, b"x")
    refused(errno.EPERM, (box / "x.vcf").write_bytes, b"x")
    refused(errno.EPERM, (box / "Other").mkdir)
    refused(errno.EPERM, os.symlink, "x", box / "Contacts" / "link")
    refused(errno.EPERM, os.rmdir, box / "Contacts" / "Salesforce_Sync")
    refused(errno.EPERM, os.rename, box / "Contacts", box / "People")
    refused(errno.EPERM, os.rmdir, box / ".sync")
    refused(errno.EPERM, os.rename, box / ".json", box / "json")
    refused(errno.EPERM, (box / ".sync" / "mine").mkdir)
    refused(errno.EPERM, os.chown, box / "Contacts" / "Anna Lind.vcf", 4321, -1)
    refused(errno.ENAMETOOLONG, (box / "Contacts" / ("n" * 252 + ".vcf")).write_bytes, b"")
    refused(errno.EXDEV, os.rename, box / "Contacts" / "Anna Lind.vcf",
            mount.mailbox("bob") / "Contacts" / "Anna Lind.vcf")
    os.chown(box / "Contacts" / "Anna Lind.vcf", os.getuid(), os.getgid())


def test_statfs_is_that_of_the_cache(mount):
    ours, theirs = os.statvfs(mount.path), os.statvfs(mount.cache)
    assert (ours.f_bsize, ours.f_blocks) == (theirs.f_bsize, theirs.f_blocks)
    assert ours.f_namemax == 255


def test_attributes_that_are_told_but_not_listed(mount):
    path = mount.mailbox("alice") / "Contacts" / "Anna Lind.vcf"
    assert os.listxattr(path) == []
    assert os.getxattr(path, "user.tandem.state") == b"synced"
    assert os.getxattr(path, "user.tandem.exchange-id")
    assert f"UID:{os.getxattr(path, 'user.tandem.uid').decode()}" in path.read_text()
    for name in ("crm-id", "error", "categories", "no-such"):
        refused(errno.ENODATA, os.getxattr, path, f"user.tandem.{name}")
    for name in ("state", "error", "uid", "exchange-id", "crm-id"):
        refused(errno.EPERM, os.setxattr, path, f"user.tandem.{name}", b"x")
    refused(errno.ENOTSUP, os.setxattr, path, "user.other", b"x")
    refused(errno.EPERM, os.removexattr, path, "user.tandem.categories")


def test_categories_by_attribute_replace_the_file(mount):
    path = mount.mailbox("alice") / "Contacts" / "Anna Lind.vcf"
    before, held = path.stat(), open(path, "rb")
    with held:
        os.setxattr(path, "user.tandem.categories", "Kunden,Messe 2026".encode())
        wait_for(lambda: path.stat().st_ino != before.st_ino, what="the new number")
        assert b"CATEGORIES:Kunden,Messe 2026\r\n" in path.read_bytes()
        assert b"CATEGORIES" not in held.read()
    assert os.getxattr(path, "user.tandem.categories") == "Kunden,Messe 2026".encode()
    assert path.stat().st_mtime_ns > before.st_mtime_ns
    with open(path, "r+b"):
        refused(errno.EBUSY, os.setxattr, path, "user.tandem.categories", b"x")
    os.setxattr(path, "user.tandem.categories", b"")
    wait_for(lambda: b"CATEGORIES" not in path.read_bytes(), what="no category")
    refused(errno.ENODATA, os.getxattr, path, "user.tandem.categories")


@pytest.mark.mount(first_sync=False, options=["offline"])
def test_a_folder_is_not_listed_before_its_first_sync_has_ended(mount):
    folder = mount.mailbox("alice") / "Contacts"
    refused(errno.EAGAIN, os.listdir, folder)
    refused(errno.EAGAIN, (folder / "new.vcf").write_text, card("New Person"))
    refused(errno.EAGAIN, (folder / "draft").write_text, "x")
    refused(errno.EAGAIN, os.listdir, mount.mailbox("alice") / ".json" / "Contacts")
    done = run("tar", "cf", os.devnull, "-C", mount.path, ".", check=False)
    assert done.returncode != 0 and "Contacts" in done.stderr


# What the kernel keeps ---------------------------------------------------------------------------

def test_listings_are_complete_and_stable_while_files_come_and_go(mount):
    folder = mount.mailbox("alice") / "Contacts"
    made = {f"draft {n}" for n in range(400)}
    for name in made:
        (folder / name).write_text("x" * 20)
    kept = {entry for entry in made if int(entry.split()[1]) % 2}
    seen = set()
    with os.scandir(folder) as listing:  # each file is removed while the listing goes on
        for entry in listing:
            assert entry.name not in seen
            seen.add(entry.name)
            if entry.name in made - kept:
                os.unlink(folder / entry.name)
    assert made <= seen
    assert {n for n in os.listdir(folder) if n.startswith("draft")} == kept
    for name in os.listdir(folder):
        os.stat(folder / name)


def test_a_directory_moves_its_mtime_with_what_is_in_it(mount):
    folder = mount.mailbox("alice") / "Contacts"
    path = folder / "notes"
    times = [folder.stat().st_mtime_ns]

    def moved():
        times.append(folder.stat().st_mtime_ns)
        return times[-1] > times[-2]

    path.write_text("one")
    assert moved()
    path.rename(folder / "notes two")
    assert moved()
    (folder / "notes two").unlink()
    assert moved()


def test_times_and_numbers_survive_dropped_caches_and_a_remount(mount):
    folder = mount.mailbox("alice") / "Contacts"
    (folder / "new.vcf").write_text(card("New Person"))
    (folder / "Anna Lind.vcf").rename(folder / "anna.vcf")
    os.utime(folder / "Bert Olsen.vcf", ns=(1_500_000_000_123_456_789,) * 2)
    os.chmod(folder / "new.vcf", 0o400)

    def numbers():
        found = {}
        for directory, _, files in os.walk(mount.mailbox("alice")):
            for name in [*files, "."]:
                st = os.stat(os.path.join(directory, name))
                found[os.path.join(directory, name)] = (
                    st.st_ino, st.st_mode, st.st_size, st.st_mtime_ns, st.st_ctime_ns)
        return found

    before = numbers()
    assert before[str(folder / "Bert Olsen.vcf")][3] == 1_500_000_000_123_456_789
    subprocess.run(["sh", "-c", "sync; echo 2 >/proc/sys/vm/drop_caches"], check=False)
    assert numbers() == before
    mount.stop()
    mount.start(["offline"])
    assert numbers() == before


def test_an_old_mount_whose_daemon_died_is_cleared(mount):
    mount.process.kill()
    mount.process.wait()
    refused(errno.ENOTCONN, os.listdir, mount.path)
    mount.start(["offline"])
    assert names(mount.mailbox("alice") / "Contacts") == ["Anna Lind.vcf", "Bert Olsen.vcf"]


def test_a_second_daemon_is_refused(mount):
    from simulator import BUILD
    done = run(BUILD / "tandemfs", mount.config, mount.path, "-o", f"cache={mount.cache}",
               check=False, **mount.environment)
    assert done.returncode == 1
    assert "in use" in done.stderr
    done = run(BUILD / "tandemfs", mount.config, mount.path, "-o", f"cache={mount.cache}2",
               check=False, **mount.environment)
    assert done.returncode == 1
    assert "mounted there already" in done.stderr
    assert names(mount.mailbox("alice") / "Contacts") == ["Anna Lind.vcf", "Bert Olsen.vcf"]


def test_usage_is_exit_status_two(mount):
    from simulator import BUILD
    for words in ([], ["only-one"], ["-x", "a", "b"], ["a", "b", "c"]):
        assert run(BUILD / "tandemfs", *words, check=False).returncode == 2


def test_the_daemon_goes_to_the_background_when_the_mount_is_up(mount, tmp_path):
    from mounting import is_mounted
    from simulator import BUILD
    mount.stop()
    done = run(BUILD / "tandemfs", mount.config, mount.path, "-o",
               f"offline,cache={mount.cache}", **mount.environment)
    try:
        assert (done.stdout, done.stderr) == ("", "")
        assert is_mounted(mount.path)
        assert names(mount.mailbox("alice") / "Contacts") == ["Anna Lind.vcf", "Bert Olsen.vcf"]
        pid = mount.ctl_json("status") and mount.ctl("status").returncode == 0
        assert pid
    finally:
        run("fusermount3", "-u", mount.path)
    wait_for(lambda: mount.ctl("status", check=False).returncode == 1, what="its end")
    done = run(BUILD / "tandemfs", tmp_path / "none.conf", mount.path, check=False)
    assert done.returncode == 1 and "none.conf" in done.stderr

"""Disks for tests of imports, made by hand: small ones of each format, and hostile ones, which name
other files, lie about their sizes, do not end or expand. Nothing of them is kept in the tree."""
import bz2
import gzip
import io
import lzma
import os
import struct
import subprocess
import tarfile
import uuid

MIB, GIB = 2 ** 20, 2 ** 30
SECTOR = 512
SECRET = b"the manager's own secret: 7c1f9e"


def raw(bytes_=8 * MIB, mark=b""):
    """A disk with a boot sector and something in it."""
    disk = bytearray(bytes_)
    disk[0:4], disk[510:512] = b"boot", b"\x55\xaa"
    disk[MIB:MIB + len(mark)] = mark
    disk[3 * MIB:3 * MIB + 4096] = os.urandom(4096)
    return bytes(disk)


def convert(folder, form, *options, disk=None):
    """`disk` in another format, by qemu-img."""
    source, target = f"{folder}/convert.raw", f"{folder}/convert.{form}"
    with open(source, "wb") as file:
        file.write(disk or raw())
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", form, *options, source, target],
                   check=True, stdout=subprocess.DEVNULL)
    with open(target, "rb") as file:
        made = file.read()
    os.unlink(source)
    os.unlink(target)
    return made


def patch(disk, *places):
    """With (offset, bytes) put into it; a negative offset counts from its end."""
    disk = bytearray(disk)
    for at, piece in places:
        at = at if at >= 0 else len(disk) + at
        disk[at:at + len(piece)] = piece
    return bytes(disk)


def tar(entries, kinds=None):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.type, entry.linkname = (kinds or {}).get(name, (tarfile.REGTYPE, ""))
            if entry.type != tarfile.REGTYPE:
                entry.size, content = 0, b""
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def ovf(href="d.vmdk", more="", disk='ovf:fileRef="f1"', head=""):
    return (f'<?xml version="1.0"?>{head}\n<Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/'
            f'envelope/1"><References><File ovf:id="f1" ovf:href="{href}"/></References>'
            f'<DiskSection><Disk ovf:diskId="d1" ovf:capacity="8" {disk}/>{more}</DiskSection>'
            f'</Envelope>').encode()


def zstd_of_zeros(length):
    """A frame (RFC 8878) of so many zeros, in blocks of one byte repeated."""
    frame, block = bytearray(b"\x28\xb5\x2f\xfd\x00\x38"), 2 ** 17
    for at in range(0, length, block):
        piece = min(block, length - at)
        frame += (piece << 3 | 2 | (at + piece == length)).to_bytes(3, "little") + b"\0"
    return bytes(frame)


def packed(folder, disk):
    """The same disk in each compression that is taken."""
    return {"gz": gzip.compress(disk), "xz": lzma.compress(disk), "bz2": bz2.compress(disk),
            "zst": subprocess.run(["zstd", "-q", "-c"], input=disk, check=True,
                                  stdout=subprocess.PIPE).stdout}


def good(folder, disk):
    """By name: the disk as a file of each format."""
    vmdk = convert(folder, "vmdk", "-o", "subformat=streamOptimized", disk=disk)
    qcow2 = convert(folder, "qcow2", disk=disk)
    found = {
        "raw": disk, "qcow2": qcow2,
        "qcow2-zlib": convert(folder, "qcow2", "-c", disk=disk),
        "qcow2-zstd": convert(folder, "qcow2", "-c", "-o", "compression_type=zstd", disk=disk),
        "vmdk": vmdk, "vmdk-sparse": convert(folder, "vmdk", disk=disk),
        "vhd": convert(folder, "vpc", "-o", "force_size=on", disk=disk),
        "vhd-fixed": convert(folder, "vpc", "-o", "subformat=fixed,force_size=on", disk=disk),
        "vhdx": convert(folder, "vhdx", disk=disk),
        "ova": tar([("o.ovf", ovf()), ("d.vmdk", vmdk)]),
    }
    found.update({f"raw-{name}": made for name, made in packed(folder, disk).items()})
    found["qcow2-xz"] = lzma.compress(qcow2)
    return found


# --- hostile ones: name: (bytes, a word of the refusal) ---

def qcow2_head(version=3, disk=8 * MIB, **more):
    """A head, a table of counts with one block, a first table."""
    head = bytearray(5 * 65536)
    values = {"backing": 0, "backing_size": 0, "crypt": 0, "l1_size": 1, "l1": 3 * 65536,
              "snapshots": 0, "features": 0, "table": 65536, **more}
    struct.pack_into(">4sIQIIQIIQQIIQ", head, 0, b"QFI\xfb", version, values["backing"],
                     values["backing_size"], more.get("bits", 16), disk, values["crypt"],
                     values["l1_size"], values["l1"], values["table"], 1, values["snapshots"], 0)
    struct.pack_into(">QQQII", head, 72, values["features"], 0, 0, 4, 104)
    struct.pack_into(">Q", head, 65536, 2 * 65536)
    for i in range(4):
        struct.pack_into(">H", head, 2 * 65536 + 2 * i, 1)
    return bytes(head)


def hostile_qcow2(secret):
    name = secret.encode()
    as_json = b'json:{"driver":"raw","file":{"driver":"file","filename":"' + name + b'"}}'
    yield "backing", patch(qcow2_head(backing=512, backing_size=len(name)), (512, name)), \
        "refers to another file"
    yield "backing-json", patch(qcow2_head(backing=512, backing_size=len(as_json)),
                                (512, as_json)), "refers to another file"
    yield "backing-of-version-2", patch(qcow2_head(2, backing=512, backing_size=len(name)),
                                        (512, name)), "refers to another file"
    extension = struct.pack(">II", 0x44415441, len(name)) + name
    yield "data-file", patch(qcow2_head(features=4), (104, extension)), "refers to another file"
    yield "data-file-unmarked", patch(qcow2_head(), (104, extension)), "names a data file"
    yield "extensions-without-end", patch(qcow2_head(), (104, struct.pack(">II", 1, 0) * 100)), \
        "do not end"
    yield "luks", qcow2_head(crypt=2), "encrypted"
    yield "luks-by-extension", patch(qcow2_head(), (104, struct.pack(">II", 0x0537be77, 0))), \
        "encrypted"
    yield "unknown-feature", qcow2_head(features=1 << 40), "not known"
    yield "snapshots", qcow2_head(snapshots=3), "snapshots"
    yield "4-pib", qcow2_head(disk=2 ** 52, l1_size=2 ** 23), "first table"
    yield "16-tib", qcow2_head(disk=2 ** 44, l1_size=2 ** 15), "was cut"
    yield "no-size", qcow2_head(disk=0), "has 0 bytes"
    yield "first-table-beyond-the-end", qcow2_head(l1=2 ** 40), "not in it"
    yield "tables-that-point-at-themselves", patch(
        qcow2_head(), (3 * 65536, struct.pack(">Q", 3 * 65536 | 1 << 63))), "damaged"
    yield "cluster-of-2-gib", qcow2_head(bits=31), "damaged"
    yield "cut", qcow2_head()[:40], "not qcow2"


def hostile_vmdk(folder, secret):
    whole = convert(folder, "vmdk", "-o", "subformat=streamOptimized")
    sparse = convert(folder, "vmdk")
    flat = f'# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="' \
           f'monolithicFlat"\nRW 16384 FLAT "{secret}" 0\n'.encode()
    yield "flat", flat, "other files"
    at = 512
    yield "flat-within", patch(sparse, (12, bytes(8)), (at, flat.ljust(1024, b"\0"))), "no capacity"
    yield "flat-descriptor", patch(sparse, (at, flat.ljust(1024, b"\0"))), "other files"
    parent = b'# Disk DescriptorFile\nCID=1\nparentCID=12345678\nparentFileNameHint="' + \
        secret.encode() + b'"\ncreateType="monolithicSparse"\nRW 16384 SPARSE "x"\n'
    yield "parent", patch(sparse, (at, parent.ljust(1024, b"\0"))), "parent"
    moved = patch(sparse, (28, struct.pack("<Q", 100)), (at, parent.ljust(1024, b"\0")))
    yield "parent-where-nobody-looks", moved, "parent"
    two = b'# Disk DescriptorFile\nCID=1\nparentCID=ffffffff\ncreateType="monolithicSparse"\n' \
          b'RW 8192 SPARSE "a"\nRW 8192 SPARSE "b"\n'
    yield "two-extents", patch(sparse, (at, two.ljust(1024, b"\0"))), "2 extents"
    yield "capacity", patch(sparse, (12, struct.pack("<Q", 2 ** 44))), "may be"
    yield "grain", patch(sparse, (20, struct.pack("<Q", 2 ** 40))), "no such grain"
    yield "cut", whole[:1000], "not in it"
    yield "esx", b"COWD" + bytes(4096), "other files"


def hostile_vhd(folder):
    whole = convert(folder, "vpc", "-o", "force_size=on")

    def summed(head, at):
        blank = patch(head, (at, bytes(4)))
        return patch(blank, (at, struct.pack(">I", ~sum(blank) & 0xffffffff)))

    foot = whole[:512]
    other = summed(patch(foot, (60, struct.pack(">I", 4))), 64)
    yield "differencing", patch(whole, (0, other), (-512, other)), "parent"
    head = summed(patch(whole[512:1536], (40, uuid.uuid4().bytes)), 36)
    yield "parent", patch(whole, (512, head)), "parent"
    table = summed(patch(whole[512:1536], (16, struct.pack(">Q", 2 ** 50))), 36)
    yield "table-beyond-the-end", patch(whole, (512, table)), "not in it"
    large = summed(patch(foot, (48, struct.pack(">Q", 2 ** 50))), 64)
    yield "larger-than-its-table", patch(whole, (0, large)), "too small"
    fixed = convert(folder, "vpc", "-o", "subformat=fixed,force_size=on")
    yield "fixed-that-lies", patch(fixed, (-512, summed(patch(
        fixed[-512:], (48, struct.pack(">Q", 2 ** 39))), 64))), "was cut"


def hostile_vhdx(folder):
    whole = convert(folder, "vhdx")
    regions = struct.unpack_from("<I", whole, 192 * 1024 + 8)[0]
    rows = [192 * 1024 + 16 + 32 * i for i in range(regions)]
    metadata_id = bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e")
    row = next(at for at in rows if whole[at:at + 16] == metadata_id)
    at = struct.unpack_from("<Q", whole, row + 16)[0]
    parent = bytes.fromhex("2d5fd3a80bb34d45abf7d3d84834ab0c")
    count = struct.unpack_from("<H", whole, at + 10)[0]
    yield "parent-locator", patch(whole, (at + 10, struct.pack("<H", count + 1)),
                                  (at + 32 + 32 * count, parent)), "parent"
    ids = {whole[at + 32 + 32 * i:at + 48 + 32 * i]: at + 32 + 32 * i for i in range(count)}
    file_row = ids[bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b")]
    value = at + struct.unpack_from("<I", whole, file_row + 16)[0]
    yield "has-parent", patch(whole, (value + 4, struct.pack("<I", 2))), "parent"
    yield "log", patch(whole, (64 * 1024 + 48, b"\1" * 16)), "not closed"
    yield "metadata-beyond-the-end", patch(whole, (row + 16, struct.pack("<Q", 2 ** 50)),
                                           (row + 65536 + 16, struct.pack("<Q", 2 ** 50))), \
        "not in it"
    yield "two-tables", patch(whole, (row + 65536 + 16, struct.pack("<Q", 2 * MIB))), "differ"


def hostile_ova(folder, secret):
    vmdk = convert(folder, "vmdk", "-o", "subformat=streamOptimized")
    yield "path", tar([("o.ovf", ovf(secret)), ("d.vmdk", vmdk)]), "plain name"
    yield "address", tar([("o.ovf", ovf("http://localhost/d.vmdk")), ("d.vmdk", vmdk)]), \
        "plain name"
    yield "link", tar([("o.ovf", ovf()), ("d.vmdk", b"")],
                      {"d.vmdk": (tarfile.SYMTYPE, secret)}), "not a plain file"
    yield "entry-outside", tar([("o.ovf", ovf()), ("../d.vmdk", vmdk)]), "plain name"
    yield "entities", tar([("o.ovf", ovf(head='<!DOCTYPE x [<!ENTITY a SYSTEM "file://'
                                         + secret + '">]>')), ("d.vmdk", vmdk)]), "declarations"
    yield "two-disks", tar([("o.ovf", ovf(more='<Disk ovf:diskId="d2" ovf:fileRef="f1"/>')),
                            ("d.vmdk", vmdk)]), "more than one disk"
    yield "no-such-file", tar([("o.ovf", ovf("other.vmdk")), ("d.vmdk", vmdk)]), "no file"
    wrong = f"SHA256(d.vmdk)= {'0' * 64}\n".encode()
    yield "digest", tar([("o.ovf", ovf()), ("o.mf", wrong), ("d.vmdk", vmdk)]), "digests"
    flat = f'# Disk DescriptorFile\ncreateType="monolithicFlat"\nRW 1 FLAT "{secret}" 0\n'.encode()
    yield "flat-vmdk", tar([("o.ovf", ovf()), ("d.vmdk", flat)]), "other files"


def hostile_others():
    yield "bomb", zstd_of_zeros(3 * GIB), "come out of it"
    yield "bomb-in-a-bomb", gzip.compress(zstd_of_zeros(GIB)), "packed again"
    yield "cut-gzip", gzip.compress(os.urandom(MIB))[:5000], "cannot be unpacked"
    yield "page", b"<!DOCTYPE html><html>not found</html>".ljust(1024), "no disk that can be"
    yield "odd", raw()[:-100], "no whole sectors"
    yield "luks", b"LUKS\xba\xbe" + bytes(1018), "encrypted"
    yield "vdi", bytes(64) + b"\x7f\x10\xda\xbe" + bytes(956), "VDI"
    yield "nothing", b"", "no whole sectors"
    yield "zip", b"PK\3\4" + bytes(1020), "ZIP"


def hostile(folder, secret):
    """(name, bytes, a word of the refusal); `secret` is the path of what they are after."""
    for kind, made in (("qcow2", hostile_qcow2(secret)), ("vmdk", hostile_vmdk(folder, secret)),
                       ("vhd", hostile_vhd(folder)), ("vhdx", hostile_vhdx(folder)),
                       ("ova", hostile_ova(folder, secret)), ("other", hostile_others())):
        for name, content, word in made:
            yield f"{kind}-{name}", content, word

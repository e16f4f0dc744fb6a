"""The arrays in an NPZ file, none of them read before its size is known. Never unpickles."""

import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from trainer.importing.refused import Refused, listed, shown
from trainer.importing.request import ImportLimits

MOST_ARRAYS = 20
_KINDS = "biufUSM"


def read_npz(path: Path, *, limits: ImportLimits) -> dict[str, NDArray[Any]]:
    """Its arrays by name. Refused where it is damaged, holds objects, or is more than the limits when unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_declared(members, limits=limits)
            return {member.filename.removesuffix(".npy"): _array(archive, member=member) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:150] if str(error) else type(error).__name__
        raise Refused(
            "file",
            message=f"the NPZ file is damaged or ends early ({reason})",
            mend="write it with numpy.savez and upload it again",
        ) from None


def _check_declared(members: list[zipfile.ZipInfo], *, limits: ImportLimits) -> None:
    names = [member.filename for member in members]
    if len(names) > MOST_ARRAYS or len(set(names)) < len(names):
        raise Refused(
            "file",
            message=f"the file holds {len(names)} arrays, more than {MOST_ARRAYS}, or two of one name",
            mend="save x and y",
        )
    strange = [name for name in names if not name.endswith(".npy")]
    if strange:
        raise Refused(
            "file",
            message=f"the zip file holds {listed(strange)}, which are no arrays of NumPy",
            mend="write it with numpy.savez(path, x=..., y=...)",
        )
    if sum(member.file_size for member in members) > limits.max_unpacked_bytes:
        raise Refused(
            "file",
            message=f"the file holds more than {limits.max_unpacked_mb} MiB when unpacked",
            mend="upload fewer examples, or images as uint8",
        )


def _array(archive: zipfile.ZipFile, *, member: zipfile.ZipInfo) -> NDArray[Any]:
    name = member.filename.removesuffix(".npy")
    with archive.open(member) as file:
        shape, is_fortran, dtype = _header(file, name=name)
        if dtype.kind not in _KINDS:
            raise _refused_kind(name, dtype=dtype)
        num_values = 1
        for size in shape:
            num_values *= size
        # The whole member is no more than the limit, so an array that fits into it is not either.
        if num_values * dtype.itemsize + file.tell() != member.file_size:
            raise Refused(
                "file",
                message=f"the array {shown(name)} declares the shape {str(shape)[:60]} of {dtype}, and holds another "
                "number of bytes",
                mend="write it with numpy.savez and upload it again",
            )
        content = bytearray(member.file_size - file.tell())
        if _fill(content, file=file) < len(content):
            raise EOFError(f"the array {name[:60]} ends early")
        values = np.frombuffer(content, dtype=dtype)
        return values.reshape(shape, order="F" if is_fortran else "C")


def _header(file: IO[bytes], *, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(file)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"the array {name[:60]} is of version {version} of the format")
    shape, is_fortran, dtype = read(file)
    if any(size < 0 for size in shape):
        raise ValueError(f"the array {name[:60]} declares a shape below zero")
    return shape, is_fortran, dtype


def _fill(content: bytearray, *, file: IO[bytes]) -> int:
    view, done = memoryview(content), 0
    while done < len(content):
        piece = file.read(min(2**20, len(content) - done))
        if not piece:
            break
        view[done : done + len(piece)] = piece
        done += len(piece)
    # The checksum is looked at when the end is read.
    file.read(1)
    return done


def _refused_kind(name: str, *, dtype: np.dtype[Any]) -> Refused:
    if dtype.hasobject:
        return Refused(
            "file",
            message=f"the array {shown(name)} holds pickled Python objects, which are never opened",
            mend="save arrays of numbers or texts: numpy.asarray(x, dtype=float)",
        )
    return Refused(
        "file",
        message=f"the array {shown(name)} holds {str(dtype)[:60]}, which no model reads",
        mend="save arrays of numbers, truth values or texts",
    )

"""Writes the rows of one config and split as parquet shards, a row group at a time.

The `datasets` features go into the files' own metadata, so `load_dataset` gives the declared types. Rows are buffered
up to a row group; a shard is closed when its Arrow size passes a limit. The same rows give the same bytes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.dataset_folder.layout import shard_path
from dataset_builder.schema.columns import features

if TYPE_CHECKING:
    import pyarrow

ROWS_PER_GROUP = 1000
BYTES_PER_SHARD = 256 * 2**20


class SplitWriter:
    """Takes rows one at a time; `close` names the shards and returns what was written.

    Nothing is written, and no folder made, before the first row.
    """

    def __init__(self, folder: Path, config: str, split: str, *, bytes_per_shard: int = BYTES_PER_SHARD) -> None:
        self.folder = folder
        self.config = config
        self.split = split
        self.bytes_per_shard = bytes_per_shard
        self.rows = 0
        self.num_bytes = 0
        self._schema: pyarrow.Schema = features(config).arrow_schema
        self._buffer: list[dict[str, Any]] = []
        self._parts: list[Path] = []
        self._writer: Any = None
        self._shard_bytes = 0

    def add(self, row: dict[str, Any]) -> None:
        self._buffer.append(row)
        if len(self._buffer) >= ROWS_PER_GROUP:
            self._flush()

    def close(self) -> dict[str, Any]:
        """Facts of the split: rows, Arrow bytes, file bytes, file names and one sha256 over the files' bytes."""
        self._flush()
        self._close_shard()
        content, size, names = hashlib.sha256(), 0, []
        for number, part in enumerate(self._parts):
            data = part.read_bytes()
            content.update(data)
            size += len(data)
            path = shard_path(self.folder, self.config, self.split, number, len(self._parts))
            part.rename(path)
            names.append(path.relative_to(self.folder).as_posix())
        return {
            "rows": self.rows,
            "num_bytes": self.num_bytes,
            "file_bytes": size,
            "files": names,
            "sha256": content.hexdigest(),
        }

    def _flush(self) -> None:
        if not self._buffer:
            return
        import pyarrow

        table = pyarrow.Table.from_pylist(self._buffer, schema=self._schema)
        self._open_shard().write_table(table)
        self.rows += table.num_rows
        self.num_bytes += table.nbytes
        self._shard_bytes += table.nbytes
        self._buffer.clear()
        if self._shard_bytes >= self.bytes_per_shard:
            self._close_shard()

    def _open_shard(self) -> Any:
        if self._writer is None:
            import pyarrow.parquet

            part = self.folder / "data" / self.config / f".{self.split}-{len(self._parts):05d}.part"
            part.parent.mkdir(parents=True, exist_ok=True)
            self._parts.append(part)
            self._writer = pyarrow.parquet.ParquetWriter(part, self._schema, compression="zstd")
        return self._writer

    def _close_shard(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            self._shard_bytes = 0

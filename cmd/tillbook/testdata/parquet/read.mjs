// Prints a Parquet file as JSON lines: its columns, then a list of cells a row. Cells are text, so
// that no number loses a digit; NULL is null.
import { readFile } from 'node:fs/promises'
import { parquetMetadata, parquetRead } from 'hyparquet'

const bytes = await readFile(process.argv[2])
const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
const metadata = parquetMetadata(file)

const leaves = metadata.schema.slice(1)
const columns = leaves.map((s, i) => ({
  name: s.name,
  type: [s.type, s.type === 'FIXED_LEN_BYTE_ARRAY' ? s.type_length : '', s.repetition_type].filter(x => x).join(' '),
  logical: JSON.stringify(s.logical_type ?? s.converted_type ?? null),
  encodings: [...new Set(metadata.row_groups.flatMap(g => g.columns[i].meta_data.encodings))].sort(),
  codec: metadata.row_groups[0]?.columns[i].meta_data.codec,
}))
const print = x => process.stdout.write(JSON.stringify(x) + '\n')
print({ columns, rows: Number(metadata.num_rows), groups: metadata.row_groups.length })

// hyparquet makes doubles of decimals: their bytes are asked for instead.
const scales = leaves.map(s => s.logical_type?.type === 'DECIMAL' ? s.logical_type.scale : -1)
for (const s of leaves) {
  if (s.logical_type?.type === 'DECIMAL') {
    delete s.logical_type
    delete s.converted_type
  }
}

function decimal(bytes, scale) {
  let n = 0n
  for (const b of bytes) n = n << 8n | BigInt(b)
  n = BigInt.asIntN(8 * bytes.length, n)
  const digits = (n < 0n ? -n : n).toString().padStart(scale + 1, '0')
  return (n < 0n ? '-' : '') + digits.slice(0, digits.length - scale) + '.' + digits.slice(-scale)
}

const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
await parquetRead({
  file, metadata, rowFormat: 'array',
  parsers: {
    timestampFromMicroseconds: micros => micros === undefined ? undefined : `${micros}`,
    dateFromDays: days => days === undefined ? undefined :
      new Date(days * 86400000).toISOString().slice(0, 10),
    stringFromBytes: bytes => bytes && text.decode(bytes),
    jsonFromBytes: bytes => bytes && text.decode(bytes),
  },
  onComplete: rows => {
    for (const row of rows) {
      print(row.map((v, i) => v === undefined || v === null ? null :
        scales[i] >= 0 ? decimal(v, scales[i]) : `${v}`))
    }
  },
})

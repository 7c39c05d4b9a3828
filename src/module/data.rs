//! Data segments, of which programs have a hundred thousand.

use super::error::position;
use super::{AddressType, ConstExpr, DataSegment, Module, Place, SegmentMode};
use wasmparser::{BinaryReader, DataSectionReader};

/// The segments of a section if all of them begin at a constant in the first memory, and that has 32 bits: there is
/// nothing about them that could be invalid.
pub(super) fn plain_segments(
    section: &DataSectionReader<'_>,
    bytes: &[u8],
    module: &Module,
) -> Option<Vec<DataSegment>> {
    const ACTIVE: u8 = 0;
    const I32_CONST: u8 = 0x41;
    const END: u8 = 0x0b;
    if module.memories.first()?.address != AddressType::I32 {
        return None;
    }
    let start = section.original_position();
    let contents = bytes.get(position(start)..position(section.range().end))?;
    let mut reader = BinaryReader::new(contents, start);
    let mut segments = Vec::with_capacity(contents.len().min(section.count() as usize));
    for _ in 0..section.count() {
        if reader.read_u8().ok()? != ACTIVE || reader.read_u8().ok()? != I32_CONST {
            return None;
        }
        let offset = ConstExpr::I32(reader.read_var_i32().ok()?);
        if reader.read_u8().ok()? != END {
            return None;
        }
        let len = reader.read_var_u32().ok()? as usize;
        reader.read_bytes(len).ok()?;
        let end = position(reader.original_position());
        segments.push(DataSegment {
            mode: SegmentMode::Active(Place { index: 0, offset }),
            bytes: end - len..end,
        });
    }
    reader.eof().then_some(segments)
}

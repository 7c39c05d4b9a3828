//! Data and element segments: applied when an instance is made, and by `memory.init` and `table.init`.

use super::{Instance, Trap};
use crate::module::{Place, SegmentMode};
use std::hint::black_box;

/// An active segment did not fit: instantiation traps after what came before it has taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentTrap {
    pub trap: Trap,
    /// Index of the segment in its section.
    pub segment: u32,
    /// Is it an element segment (or else a data segment)?
    pub is_element: bool,
    /// Where it was to begin, how long it is, and the size of what it did not fit into.
    pub offset: u64,
    pub length: u64,
    pub size: u64,
}

impl Instance {
    /// Applies the active segments in order, elements first; the first one that does not fit traps.
    pub fn apply_segments(&self) -> Result<(), SegmentTrap> {
        let applied = self.apply_element_segments();
        if self.has_image() {
            return applied
                .map(|()| self.drop_active_data())
                .inspect_err(|_| self.undo_image());
        }
        applied?;
        self.apply_data_segments()
    }

    fn apply_element_segments(&self) -> Result<(), SegmentTrap> {
        let module = self.module.clone();
        let module = module.module();
        for (segment, element) in (0..).zip(&module.elements) {
            if let SegmentMode::Active(Place { index, offset }) = &element.mode {
                let to = self.evaluate_address(offset, module.tables[*index as usize].address);
                let length = element.items.len();
                self.table_init(*index, segment, to, 0, length as u64)
                    .map_err(|trap| SegmentTrap {
                        trap,
                        segment,
                        is_element: true,
                        offset: to,
                        length: length as u64,
                        size: self.tables[*index as usize].len(),
                    })?;
            }
            if !matches!(element.mode, SegmentMode::Passive) {
                self.drop_element(segment);
            }
        }
        Ok(())
    }

    fn apply_data_segments(&self) -> Result<(), SegmentTrap> {
        let module = self.module.clone();
        let module = module.module();
        for (segment, data) in (0..).zip(&module.data) {
            if let SegmentMode::Active(Place { index, offset }) = &data.mode {
                let to = self.evaluate_address(offset, module.memories[*index as usize].address);
                let length = data.bytes.len();
                self.memory_init(*index, segment, to, 0, length as u64)
                    .ok_or_else(|| SegmentTrap {
                        trap: Trap::MemoryOutOfBounds,
                        segment,
                        is_element: false,
                        offset: to,
                        length: length as u64,
                        size: self.memories[*index as usize].len() as u64,
                    })?;
                self.drop_data(segment);
            }
        }
        Ok(())
    }

    /// Has its memory been made with what the active data segments are for it?
    fn has_image(&self) -> bool {
        let own = self.module.module().imported_memories == 0;
        own && self
            .memories
            .first()
            .is_some_and(|memory| memory.has_image())
    }

    fn drop_active_data(&self) {
        let data = self.module.module().data.iter();
        let is_active = |mode: &SegmentMode<Place>| matches!(mode, SegmentMode::Active(_));
        *self.dropped_data.borrow_mut() = data.map(|data| is_active(&data.mode)).collect();
    }

    /// An element segment did not fit, so none of the data is there. Functions in tables of others may live on and look.
    fn undo_image(&self) {
        if let (Some(memory), Some(image)) = (self.memories.first(), self.module.data_image.made())
        {
            let pages = image.pages();
            let end = pages.end.min(memory.len());
            memory.fill(pages.start as u64, 0, (end - pages.start) as u64);
        }
    }

    /// `table.init`; a trap if out of bounds, and then nothing is written.
    pub(super) fn table_init(
        &self,
        table: u32,
        segment: u32,
        to: u64,
        from: u64,
        len: u64,
    ) -> Result<(), Trap> {
        let module = self.module.module();
        let dropped = self.dropped_elements.borrow()[segment as usize];
        let items = if dropped {
            &[]
        } else {
            module.elements[segment as usize].items.as_slice()
        };
        let table = &self.tables[table as usize];
        // Of both operands V8 looks at the table's first.
        to.checked_add(len)
            .filter(|end| *end <= table.len())
            .ok_or(Trap::TableOutOfBounds)?;
        let items = part(items, from, len).ok_or(Trap::ElementOutOfBounds)?;
        (to..)
            .zip(items)
            .try_for_each(|(i, item)| table.set(i, self.evaluate_word(item)))
            .ok_or(Trap::TableOutOfBounds)
    }

    /// `memory.init`; `None` if out of bounds, and then nothing is written.
    pub(super) fn memory_init(
        &self,
        memory: u32,
        segment: u32,
        to: u64,
        from: u64,
        len: u64,
    ) -> Option<()> {
        let module = self.module.module();
        let dropped = self.dropped_data.borrow()[segment as usize];
        let bytes = if dropped {
            &[]
        } else {
            module
                .bytes
                .get(module.data[segment as usize].bytes.clone())?
        };
        self.memories[memory as usize].init(to, bytes, from, len)
    }

    pub(super) fn drop_element(&self, segment: u32) {
        self.dropped_elements.borrow_mut()[segment as usize] = true;
    }

    pub(super) fn drop_data(&self, segment: u32) {
        self.dropped_data.borrow_mut()[segment as usize] = true;
    }
}

/// `items[from..from + len]`, if it is there.
pub(super) fn part<T>(items: &[T], from: u64, len: u64) -> Option<&[T]> {
    let from = index_within(from, len, items.len() as u64)?;
    items.get(from..)?.get(..usize::try_from(len).ok()?)
}

/// `start`, if `start..start + len` is within a length of `within`. For a processor that has guessed so and is wrong it is
/// 0: what a guest names is not read ahead of the check.
pub(super) fn index_within(start: u64, len: u64, within: u64) -> Option<usize> {
    let inside = start.checked_add(len).is_some_and(|end| end <= within);
    let mask = u64::from(black_box(inside)).wrapping_neg();
    usize::try_from(start & mask).ok().filter(|_| inside)
}

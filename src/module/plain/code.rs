//! The binary format of bodies.

/// What is left of a body.
pub struct Code<'c>(pub &'c [u8]);

impl Code<'_> {
    #[inline(always)]
    pub fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// A byte below `end`.
    pub fn below(&mut self, end: u8) -> Option<()> {
        (self.byte()? < end).then_some(())
    }

    pub fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    #[inline(always)]
    pub fn u32(&mut self) -> Option<u32> {
        match self.byte()? {
            first @ 0..0x80 => Some(first.into()),
            first => self.long_u32(first),
        }
    }

    fn long_u32(&mut self, first: u8) -> Option<u32> {
        let mut value = u32::from(first & 0x7f);
        for shift in [7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return (shift < 28 || byte < 0x10).then_some(value);
            }
        }
        None
    }

    /// Passes over a number of any kind.
    #[inline(always)]
    pub fn number(&mut self) -> Option<()> {
        while self.byte()? >= 0x80 {}
        Some(())
    }

    /// A signed number of at most `most` bytes; `unused` are the bits of the last of them that repeat the sign, and that.
    pub fn signed(&mut self, most: usize, unused: u8) -> Option<()> {
        for _ in 1..most {
            if self.byte()? < 0x80 {
                return Some(());
            }
        }
        let last = self.byte()?;
        (last < 0x80 && (last & unused == 0 || last & unused == unused)).then_some(())
    }
}
